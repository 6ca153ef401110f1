// SPDX-License-Identifier: Apache-2.0
//
// What is special to the module openssl: which files it takes, and what it says of all others.

#include <gmock/gmock.h>
#include <openssl/evp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <tuple>

#include "tests/contract/curve_keys.h"
#include "tests/contract/fails.h"
#include "tests/contract/loaded_module.h"
#include "tests/contract/rsa_keys.h"
#include "tests/contract/temporary_folder.h"
#include "tests/support/command.h"
#include "tests/support/files.h"

namespace ecryptfs::contract {
namespace {

using testing::AllOf;
using testing::Field;
using testing::HasSubstr;

class OpensslModuleTest : public testing::Test {
  protected:
    // First of all, as the module wants to be the first to use OpenSSL.
    const ecryptfs_pki_module& module_ = load(ECRYPTFS_OPENSSL_SO);
    TemporaryFolder folder_;

    // Opens a file that says so, and unwraps with its key what OpenSSL wrapped.
    void expect_usable(const std::string& pem, const evp_pkey_st& made_from,
                       const std::optional<std::string>& secret = {}) const {
        const OpenKey key(module_, {folder_.write("key.pem", pem), secret});
        const auto public_key = read_public_key(to_public_pem(made_from));
        EXPECT_EQ(key.decrypt(wrap_by_oaep(*public_key, "SHA1", pattern(19))).bytes, pattern(19));
        const auto description = key.describe();
        EXPECT_EQ(Bytes(description.modulus, description.modulus + description.modulus_size),
                  numbers_of(made_from).modulus);
    }

    std::string content_of(std::string_view name) const {
        return test::content_of(folder_.path(name));
    }
    static void run_program(const std::string& command) {
        const auto outcome = test::run({"/bin/sh", {"-c", command}}, "");
        ASSERT_EQ(outcome.exit_code, 0) << command << ": " << outcome.err;
    }

    Outcome refusal(std::string_view contents,
                    const std::optional<std::string>& secret = {}) const {
        return failure_to_open(module_, {folder_.write("key.pem", contents), secret});
    }
};

const evp_pkey_st& rsa_2048() {
    static const Pkey key = make_rsa_key(2048);
    return *key;
}

auto is_invalid_key(const std::string& message, const std::string& advice) {
    return fails(ECRYPTFS_PKI_INVALID_KEY, message, advice);
}

// ---- keys that work

TEST_F(OpensslModuleTest, TakesPkcs1AndPkcs8) {
    for (const auto form : {PemForm::kPkcs8, PemForm::kTraditional}) {
        expect_usable(to_pem(rsa_2048(), form), rsa_2048());
        expect_usable(to_pem(rsa_2048(), form, "pass phrase"), rsa_2048(), "pass phrase");
    }
}

// PKCS#8 is what the contract suite opens. SEC 1 comes after its parameters, as openssl ecparam
// -genkey writes it; OpenSSH writes it alone.
TEST_F(OpensslModuleTest, TakesSec1Keys) {
    for (const std::string curve : {"P-256", "P-384"}) {
        const auto key = make_key(curve);
        const auto peer = make_key(curve);
        const std::string parameters =
            "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
        for (const std::optional<std::string>& secret :
             {std::optional<std::string>(), std::optional<std::string>("pass phrase")}) {
            const auto pem = parameters + to_pem(*key, PemForm::kTraditional, secret);
            const OpenKey opened(module_, {folder_.write("key.pem", pem), secret});
            EXPECT_EQ(opened.derive(point_of(*peer)).bytes, derive_by_openssl(*peer, *key));
        }
    }
    run_program("ssh-keygen -q -t ecdsa -b 384 -N '' -m PEM -f " + folder_.path("ssh").string());
    const OpenKey opened(module_, {folder_.uri("ssh")});
    EXPECT_EQ(opened.describe().curve, ECRYPTFS_PKI_P384);
}

TEST_F(OpensslModuleTest, AsksForPassphraseOfCurveKeys) {
    for (const std::string curve : {"P-256", "X25519"}) {
        const auto pem = to_pem(*make_key(curve), PemForm::kPkcs8, "right");
        EXPECT_EQ(refusal(pem).status, ECRYPTFS_PKI_SECRET_REQUIRED);
        EXPECT_EQ(refusal(pem, "wrong").status, ECRYPTFS_PKI_WRONG_SECRET);
    }
}

constexpr std::string_view kBegin = "-----BEGIN PRIVATE KEY-----\n";
constexpr std::string_view kEnd = "\n-----END PRIVATE KEY-----\n";

Bytes der_of(const evp_pkey_st& key) {
    const auto pem = to_pem(key, PemForm::kPkcs8);
    std::string base64(pem, kBegin.size(), pem.find("-----END") - kBegin.size());
    std::erase(base64, '\n');
    Bytes der(base64.size() / 4 * 3);
    ::EVP_DecodeBlock(der.data(), reinterpret_cast<const unsigned char*>(base64.data()),
                      static_cast<int>(base64.size()));
    der.resize(der.size() - static_cast<std::size_t>(std::ranges::count(base64, '=')));
    return der;
}

std::string pem_of(base::ByteView der) {
    std::string base64(4 * der.size(), '\0');
    const int size = ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(base64.data()), der.data(),
                                       static_cast<int>(der.size()));
    base64.resize(static_cast<std::size_t>(size));
    for (std::size_t at = 64; at < base64.size(); at += 65) {
        base64.insert(at, "\n");
    }
    return std::string(kBegin) + base64 + std::string(kEnd);
}

// The halves are of two keys.
TEST_F(OpensslModuleTest, RefusesDamagedCurveKeys) {
    const auto key = make_key("P-256");
    auto damaged = der_of(*key);
    const auto point = point_of(*make_key("P-256"));
    ASSERT_GT(damaged.size(), point.size());
    std::ranges::copy(point, damaged.end() - static_cast<std::ptrdiff_t>(point.size()));
    EXPECT_THAT(refusal(pem_of(damaged)), is_invalid_key("is damaged", "from a backup"));
    for (const std::size_t size : {std::size_t{20}, damaged.size() - 1}) {
        EXPECT_THAT(refusal(pem_of(base::ByteView(damaged).first(size))),
                    is_invalid_key("is damaged", "from a backup"));
    }
}

TEST_F(OpensslModuleTest, TakesNeedlessSecret) {
    for (const auto form : {PemForm::kPkcs8, PemForm::kTraditional}) {
        expect_usable(to_pem(rsa_2048(), form), rsa_2048(), "needless");
    }
}

TEST_F(OpensslModuleTest, PassphraseMayHoldAnyByte) {
    const std::vector<std::string> passphrases = {
        std::string("a\0b", 3), std::string(1, '\0'), "\n", "trailing newline\n", "\xff\xfe", "",
        std::string(1000, 'x')};
    for (const auto form : {PemForm::kPkcs8, PemForm::kTraditional}) {
        for (const std::string& passphrase : passphrases) {
            expect_usable(to_pem(rsa_2048(), form, passphrase), rsa_2048(), passphrase);
        }
        const std::string pem = to_pem(rsa_2048(), form, std::string("a\0b", 3));
        EXPECT_EQ(refusal(pem, "a").status, ECRYPTFS_PKI_WRONG_SECRET);
    }
}

TEST_F(OpensslModuleTest, TakesEverySizeFrom1024To4096Bits) {
    for (const unsigned bits : {1024U, 1025U, 1031U, 2047U, 4095U, 4096U}) {
        const auto key = make_rsa_key(bits);
        expect_usable(to_pem(*key, PemForm::kPkcs8), *key);
    }
}

TEST_F(OpensslModuleTest, WarnsOfKeysBelow2048Bits) {
    const auto warning_of = [&](unsigned bits) -> std::string {
        const auto uri = folder_.write("key.pem", to_pem(*make_rsa_key(bits), PemForm::kPkcs8));
        return OpenKey(module_, {uri}).describe().warning;
    };
    EXPECT_THAT(warning_of(1024), HasSubstr("1024 bits"));
    EXPECT_THAT(warning_of(2047), HasSubstr("2047 bits"));
    EXPECT_EQ(warning_of(2048), "");
}

TEST_F(OpensslModuleTest, WarnsOfReadableKeyWithoutPassphrase) {
    const auto path = folder_.path("key.pem");
    const auto warning_of = [&](const std::string& pem, unsigned mode) -> std::string {
        const auto uri = folder_.write("key.pem", pem);
        EXPECT_EQ(::chmod(path.c_str(), mode), 0);
        return OpenKey(module_, {uri, "pass phrase"}).describe().warning;
    };
    for (const auto form : {PemForm::kPkcs8, PemForm::kTraditional}) {
        const auto plain = to_pem(rsa_2048(), form);
        EXPECT_EQ(warning_of(plain, 0644),
                  "others can read this key, which has no passphrase: chmod 600 " + path.string());
        EXPECT_EQ(
            warning_of(plain, 0602),
            "others can change this key, which has no passphrase: chmod 600 " + path.string());
        EXPECT_EQ(warning_of(plain, 0600), "");
        EXPECT_EQ(warning_of(to_pem(rsa_2048(), form, "pass phrase"), 0644), "");
    }
    EXPECT_THAT(warning_of(to_pem(*make_rsa_key(1024), PemForm::kPkcs8), 0640),
                AllOf(HasSubstr("too short to be safe"), HasSubstr("; others can read this key")));
}

TEST_F(OpensslModuleTest, FindsKeyAmongOtherContents) {
    const std::string key = to_pem(rsa_2048(), PemForm::kPkcs8);
    const std::string other = to_public_pem(rsa_2048());
    expect_usable("Bag Attributes\n  friendlyName: me\n" + other + key + "after it\n", rsa_2048());
    expect_usable("\xef\xbb\xbf" + key, rsa_2048());
    std::string with_carriage_returns;
    for (const char c : key) {
        with_carriage_returns += c == '\n' ? "\r\n" : std::string(1, c);
    }
    expect_usable(with_carriage_returns, rsa_2048());
}

TEST_F(OpensslModuleTest, TakesEachFormOfFileUri) {
    static_cast<void>(folder_.write("a key.pem", to_pem(rsa_2048(), PemForm::kPkcs8)));
    const std::string path = folder_.path("a%20key.pem").string();
    for (const std::string prefix : {"file:", "file://", "file://localhost"}) {
        EXPECT_EQ(OpenKey(module_, {prefix + path}).describe().modulus_size, 256U) << prefix;
    }
}

TEST_F(OpensslModuleTest, RefusesOtherLocators) {
    for (const std::string locator :
         {"/absolute/path", "file:", "file:relative", "file://host/path", "file:///with%00nul",
          "file:///bad%zz", "file:///cut%2", "file:///query?a=b", "pkcs11:token=x", "~/key.pem"}) {
        EXPECT_THAT(failure_to_open(module_, {locator}),
                    fails(ECRYPTFS_PKI_INVALID_LOCATOR, locator, "file:///"));
    }
}

// ---- files that cannot be read

TEST_F(OpensslModuleTest, ReportsMissingFile) {
    for (const std::string name : {"absent.pem", "absent/key.pem"}) {
        EXPECT_THAT(failure_to_open(module_, {folder_.uri(name)}),
                    fails(ECRYPTFS_PKI_NOT_FOUND, folder_.path(name).string(), "check the path"));
    }
}

TEST_F(OpensslModuleTest, RefusesPipesWithoutWaiting) {
    EXPECT_THAT(failure_to_open(module_, {folder_.uri(".")}),
                is_invalid_key("is a folder", "name"));
    ASSERT_EQ(::mkfifo(folder_.path("fifo").c_str(), 0600), 0);
    EXPECT_THAT(failure_to_open(module_, {folder_.uri("fifo")}),
                is_invalid_key("is not a regular file", "name"));
    EXPECT_THAT(failure_to_open(module_, {"file:///dev/zero"}),
                is_invalid_key("is not a regular file", "name"));
    const base::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    folder_.path("socket").string().copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_THAT(failure_to_open(module_, {folder_.uri("socket")}),
                is_invalid_key("is not a regular file", "name"));
}

// A child without privileges, since root may read everything.
TEST_F(OpensslModuleTest, ReportsUnreadableFile) {
    const auto uri = folder_.write("key.pem", to_pem(rsa_2048(), PemForm::kPkcs8));
    std::filesystem::permissions(folder_.path("key.pem"), std::filesystem::perms::none);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        constexpr uid_t kNobody = 65534;
        if (::geteuid() == 0 && ::seteuid(kNobody) != 0) {
            ::_exit(2);
        }
        const Outcome outcome = failure_to_open(module_, {uri});
        const bool right = outcome.status == ECRYPTFS_PKI_ACCESS_DENIED &&
                           outcome.message.find("key.pem") != std::string::npos &&
                           outcome.advice.find("permission") != std::string::npos;
        ::_exit(right ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

TEST_F(OpensslModuleTest, RefusesEmptyAndHugeFiles) {
    EXPECT_THAT(refusal(""), is_invalid_key("key.pem is empty", "name the file"));
    EXPECT_THAT(refusal(std::string(65537, '\n') + to_pem(rsa_2048(), PemForm::kPkcs8)),
                is_invalid_key("too large", "name the file"));
    expect_usable(std::string(60000, '\n') + to_pem(rsa_2048(), PemForm::kPkcs8), rsa_2048());
}

// ---- files that hold no key for eCryptfs

TEST_F(OpensslModuleTest, RefusesUnsuitableKeySizes) {
    EXPECT_THAT(refusal(to_pem(*make_rsa_key(512), PemForm::kPkcs8)),
                is_invalid_key("key.pem has 512 bits", "2048 to 4096 bits"));
    EXPECT_THAT(refusal(to_pem(*make_rsa_key(1023), PemForm::kPkcs8)),
                is_invalid_key("key.pem has 1023 bits", "2048 to 4096 bits"));
    EXPECT_THAT(
        refusal(to_pem(*make_rsa_key(4104), PemForm::kPkcs8)),
        is_invalid_key("key.pem has 4104 bits; the kernel takes at most 512 bytes (4096 bits)",
                       "2048 to 4096 bits"));
}

TEST_F(OpensslModuleTest, RefusesTooLargeExponent) {
    EXPECT_THAT(refusal(to_pem(*make_rsa_key(2048, "1000000000000000d"), PemForm::kPkcs8)),
                is_invalid_key("key.pem has a public exponent of 65 bits", "use an RSA key"));
    const auto key = make_rsa_key(2048, "800000000000000d");
    expect_usable(to_pem(*key, PemForm::kPkcs8), *key);
}

TEST_F(OpensslModuleTest, NamesTypeOfOtherKeys) {
    const std::vector<std::pair<std::string, std::string>> types{{"P-521", "EC secp521r1"},
                                                                 {"ED25519", "ED25519"},
                                                                 {"X448", "X448"},
                                                                 {"RSA-PSS", "RSA-PSS"}};
    for (const auto& [type, shown] : types) {
        EXPECT_THAT(refusal(to_pem(*make_key(type), PemForm::kPkcs8)),
                    is_invalid_key("of type " + shown + "; it must be RSA", "use an RSA key"));
        EXPECT_THAT(refusal(to_pem(*make_key(type), PemForm::kPkcs8, "secret"), "secret"),
                    is_invalid_key("of type " + shown + "; it must be RSA", "use an RSA key"));
    }
    EXPECT_THAT(refusal(to_pem(*make_key("P-521"), PemForm::kTraditional)),
                is_invalid_key("of type EC secp521r1", "use an RSA key"));
    EXPECT_THAT(refusal("-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----\n"),
                is_invalid_key("of type DSA", "use an RSA key"));
}

TEST_F(OpensslModuleTest, RefusesPublicKeyAlone) {
    EXPECT_THAT(refusal(to_public_pem(rsa_2048())),
                is_invalid_key("holds a public key", "the private key"));
    EXPECT_THAT(refusal("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
                is_invalid_key("holds a certificate", "the private key"));
}

TEST_F(OpensslModuleTest, AdvisesOnOtherFormats) {
    EXPECT_THAT(
        refusal("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"),
        is_invalid_key("OpenSSH", "cp -p " + folder_.path("key.pem").string() + " " +
                                      folder_.path("key.pem.pem").string() +
                                      " && ssh-keygen -p -m PEM -f " +
                                      folder_.path("key.pem.pem").string()));
    EXPECT_THAT(refusal("-----BEGIN TSS2 PRIVATE KEY-----\nAAAA\n-----END TSS2 PRIVATE KEY-----\n"),
                is_invalid_key("TPM", "module tpm2"));
    EXPECT_THAT(refusal("-----BEGIN TSS2 KEY BLOB-----\nAAAA\n-----END TSS2 KEY BLOB-----\n"),
                is_invalid_key("TPM", "module tpm2"));
    EXPECT_THAT(refusal("\x30\x82\x04\xa4 and so on"), is_invalid_key("PEM", "-inform DER"));
}

TEST_F(OpensslModuleTest, RecognisesFilesOfOtherPrograms) {
    const auto path = folder_.path("key.pem").string();
    EXPECT_THAT(refusal("PuTTY-User-Key-File-3: ssh-rsa\n"),
                is_invalid_key("PuTTY", "convert it: puttygen " + path + " -O private-openssh -o " +
                                            path + ".pem"));
    EXPECT_THAT(refusal("ssh-rsa AAAA ada@laptop\n"),
                is_invalid_key("a public key of OpenSSH", "the private key"));
    for (const std::string& part :
         {std::string("\0\x05\0\x01\0\x0b\0", 7), std::string("\xba\xdc\xc0\xde\0\0", 6)}) {
        EXPECT_THAT(refusal(part), is_invalid_key("tpm2-tools", "tpm2_encodeobject -C PARENT"));
    }
    // "ssh-ed25519" where OpenSSH has it, after "openssh-key-v1" and the names of no encryption.
    EXPECT_THAT(refusal("-----BEGIN OPENSSH PRIVATE KEY-----\n"
                        "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n"
                        "QyNTUxOQAAACA=\n-----END OPENSSH PRIVATE KEY-----\n"),
                is_invalid_key("of type ED25519", "generate-key openssl"));
}

// As PowerShell's > writes it.
TEST_F(OpensslModuleTest, AdvisesOnUtf16) {
    const std::string pem = to_pem(rsa_2048(), PemForm::kPkcs8);
    for (const bool marked : {true, false}) {
        std::string text = marked ? "\xff\xfe" : "";
        for (const char c : pem) {
            text += std::string{c, '\0'};
        }
        const auto refused = refusal(text);
        ASSERT_THAT(refused, is_invalid_key("key.pem is in UTF-16", "(umask 077; iconv "));
        run_program(refused.advice.substr(0, refused.advice.find(", and give ")));
        OpenKey(module_, {folder_.uri("key.pem.new")});
    }
}

TEST_F(OpensslModuleTest, ReportsLostLineEnds) {
    for (const std::string end : {"", " ", "\r", "\\n"}) {
        std::string text;
        for (const char c : to_pem(rsa_2048(), PemForm::kPkcs8)) {
            text += c == '\n' ? end : std::string(1, c);
        }
        EXPECT_THAT(refusal(text), is_invalid_key("lost its line ends", "copy the file again"));
    }
}

TEST_F(OpensslModuleTest, AdvisesOnBinaryFormats) {
    folder_.write("source.pem", to_pem(rsa_2048(), PemForm::kPkcs8));
    const auto openssl = [&](std::vector<std::string> arguments) {
        const auto outcome = test::run({"openssl", std::move(arguments)}, "");
        ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    };
    const auto path = [&](const char* name) { return folder_.path(name).string(); };
    openssl({"pkey", "-in", path("source.pem"), "-outform", "DER", "-out", path("pkcs8")});
    openssl({"rsa", "-traditional", "-in", path("source.pem"), "-outform", "DER", "-out",
             path("pkcs1")});
    openssl({"pkcs8", "-topk8", "-in", path("source.pem"), "-outform", "DER", "-passout", "pass:1",
             "-out", path("encrypted")});
    openssl({"pkcs12", "-export", "-nocerts", "-inkey", path("source.pem"), "-passout", "pass:1",
             "-out", path("pkcs12")});
    for (const auto& [name, said, input] :
         {std::tuple{"pkcs8", "convert it from DER: ", ""},
          std::tuple{"pkcs1", "convert it from DER: ", ""},
          std::tuple{"encrypted", "if it is a key, convert it from DER: ", "-passin pass:1"},
          std::tuple{"pkcs12", "convert it from PKCS#12: ", "-passin pass:1"}}) {
        const auto refused = failure_to_open(module_, {folder_.uri(name)});
        EXPECT_THAT(refused, is_invalid_key("PEM", said));
        // As advised, but for who types the passphrases.
        run_program(refused.advice.substr(std::string(said).size()) + " -passout pass:1234 " +
                    input);
        OpenKey(module_, {folder_.uri(std::string(name) + ".pem"), "1234"});
    }
}

TEST_F(OpensslModuleTest, AdvisesOnOldPkcs12) {
    folder_.write("source.pem", to_pem(rsa_2048(), PemForm::kPkcs8));
    const auto path = [&](const char* name) { return folder_.path(name).string(); };
    for (const std::string cipher : {"PBE-SHA1-RC2-40", "PBE-SHA1-RC4-128", "PBE-SHA1-3DES"}) {
        run_program("openssl pkcs12 -export -nocerts -inkey " + path("source.pem") +
                    " -passout pass:1 -legacy -keypbe " + cipher + " -macalg sha1 -out " +
                    path("old"));
        const auto refused = failure_to_open(module_, {folder_.uri("old")});
        const std::string said = "convert it from PKCS#12: ";
        ASSERT_THAT(refused, is_invalid_key("PEM", said));
        EXPECT_EQ(refused.advice.find("-legacy") != std::string::npos, cipher != "PBE-SHA1-3DES");
        run_program(refused.advice.substr(said.size()) + " -passin pass:1 -passout pass:1234");
        OpenKey(module_, {folder_.uri("old.pem"), "1234"});
    }
}

// What OpenSSL 1.0 and Java wrote: only OpenSSL's legacy provider knows these ciphers.
TEST_F(OpensslModuleTest, TakesOldEncryptions) {
    folder_.write("source.pem", to_pem(rsa_2048(), PemForm::kPkcs8));
    const std::string in = " -in " + folder_.path("source.pem").string();
    const std::string out = " -provider legacy -provider default -passout pass:right -out " +
                            folder_.path("old.pem").string();
    std::vector<std::string> commands;
    for (const std::string pbe :
         {"PBE-MD5-DES", "PBE-SHA1-DES", "PBE-SHA1-RC2-64", "PBE-MD5-RC2-64", "PBE-SHA1-RC4-128",
          "PBE-SHA1-RC4-40", "PBE-SHA1-RC2-128", "PBE-SHA1-RC2-40", "PBE-SHA1-3DES",
          "PBE-SHA1-2DES"}) {
        commands.push_back("openssl pkcs8 -topk8 -v1 " + pbe);
    }
    for (const std::string cipher : {"des-cbc", "rc2-cbc", "bf-cbc", "cast5-cbc"}) {
        commands.push_back("openssl pkcs8 -topk8 -v2 " + cipher);
    }
    for (const std::string cipher :
         {"-des", "-des3", "-bf-cbc", "-cast5-cbc", "-rc2-cbc", "-rc2-40-cbc", "-rc2-64-cbc",
          "-seed", "-camellia128", "-camellia256", "-aria256"}) {
        commands.push_back("openssl rsa -traditional " + cipher);
    }
    for (const auto& command : commands) {
        SCOPED_TRACE(command);
        run_program(command + in + out);
        const std::string pem = content_of("old.pem");
        ASSERT_NE(pem.find("ENCRYPTED"), std::string::npos);
        expect_usable(pem, rsa_2048(), "right");
        EXPECT_THAT(refusal(pem, "wrong"), fails(ECRYPTFS_PKI_WRONG_SECRET, "key.pem", ""));
        EXPECT_THAT(refusal(pem), fails(ECRYPTFS_PKI_SECRET_REQUIRED, "key.pem", ""));
    }
}

// The machine has no such cipher; the advice is for one that has, and names the file.
TEST_F(OpensslModuleTest, ReportsUnknownEncryption) {
    std::string pem = to_pem(rsa_2048(), PemForm::kTraditional, "right");
    const std::string known = "AES-256-CBC";
    pem.replace(pem.find(known), known.size(), "FROG-256-CBC");
    const auto path = folder_.path("key.pem").string();
    const auto refused = refusal(pem, "right");
    EXPECT_THAT(refused, is_invalid_key("does not offer here", "OpenSSL 1.1 or older"));
    const auto command = refused.advice.substr(refused.advice.find("openssl pkcs8"));
    EXPECT_EQ(command,
              "openssl pkcs8 -topk8 -v2 aes-256-cbc -in " + path + " -out " + path + ".pem");
    // Word for word, with a file that can be read here.
    folder_.write("key.pem", to_pem(rsa_2048(), PemForm::kTraditional, "right"));
    run_program(command + " -passin pass:right -passout pass:1234");
    OpenKey(module_, {folder_.uri("key.pem.pem"), "1234"});
}

TEST_F(OpensslModuleTest, RefusesGarbage) {
    for (const std::string& garbage :
         {std::string("no key"), std::string(1000, '\0'), std::string(60000, '-'),
          std::string("-----BEGIN "), std::string("-----BEGIN RSA PRIVATE KEY"),
          std::string("-----BEGIN -----\n-----END -----\n")}) {
        EXPECT_THAT(refusal(garbage),
                    is_invalid_key("key.pem holds no private key", "name the file"));
    }
}

// ---- secrets and damage

TEST_F(OpensslModuleTest, WrongOrMissingPassphraseNamesFile) {
    for (const auto form : {PemForm::kPkcs8, PemForm::kTraditional}) {
        const std::string pem = to_pem(rsa_2048(), form, "right");
        EXPECT_THAT(refusal(pem), fails(ECRYPTFS_PKI_SECRET_REQUIRED, "key.pem", "passphrase"));
        const auto wrong = fails(ECRYPTFS_PKI_WRONG_SECRET, "key.pem", "damaged");
        // Of 256 wrong passphrases, one decrypts to something with a right padding.
        for (int i = 0; i < 600; ++i) {
            ASSERT_THAT(refusal(pem, "wrong" + std::to_string(i)), wrong);
            i += form == PemForm::kPkcs8 ? 20 : 0;  // its key derivation is slow
        }
        EXPECT_THAT(refusal(pem, ""), fails(ECRYPTFS_PKI_SECRET_REQUIRED, "key.pem", "passphrase"));
        EXPECT_THAT(refusal(pem, std::string(4096, 'x')), wrong);
    }
}

TEST_F(OpensslModuleTest, PublicHalfNeedsPassphraseToo) {
    const auto uri = folder_.write("key.pem", to_pem(rsa_2048(), PemForm::kPkcs8, "right"));
    EXPECT_EQ(failure_to_open(module_, {uri}, ECRYPTFS_PKI_USE_PUBLIC).status,
              ECRYPTFS_PKI_SECRET_REQUIRED);
    EXPECT_EQ(failure_to_open(module_, {uri, "wrong"}, ECRYPTFS_PKI_USE_PUBLIC).status,
              ECRYPTFS_PKI_WRONG_SECRET);
    const OpenKey key(module_, {uri, "right"}, ECRYPTFS_PKI_USE_PUBLIC);
    EXPECT_EQ(key.wrap(pattern(19)).size(), 256U);
}

TEST_F(OpensslModuleTest, DamageDiffersFromWrongPassphrase) {
    for (const auto form : {PemForm::kPkcs8, PemForm::kTraditional}) {
        const std::string pem = to_pem(rsa_2048(), form, "right");
        std::string cut = pem;
        cut.erase(cut.size() / 2, 200);
        std::string no_base64 = pem;
        no_base64[pem.size() / 2] = '!';
        for (const std::string& damaged : {pem.substr(0, pem.size() / 2), cut, no_base64}) {
            EXPECT_THAT(refusal(damaged, "right"), is_invalid_key("damaged", "backup"));
        }
    }
}

TEST_F(OpensslModuleTest, RefusesDamagedPlainKey) {
    for (const auto form : {PemForm::kPkcs8, PemForm::kTraditional}) {
        const std::string pem = to_pem(rsa_2048(), form);
        std::string cut = pem;
        cut.erase(cut.size() / 2, 200);
        std::string other_modulus = pem;
        char& digit = other_modulus[pem.find('\n') + 150];
        digit = digit == 'A' ? 'B' : 'A';
        for (const std::string& damaged : {pem.substr(0, pem.size() / 2), cut, other_modulus}) {
            EXPECT_THAT(refusal(damaged), is_invalid_key("damaged", "backup"));
        }
    }
}

// The last byte of the modulus, at 12 + 256 bytes of the DER, in digits of 6 bits: 64 to a line.
TEST_F(OpensslModuleTest, RefusesEvenModulus) {
    std::string pem = to_pem(rsa_2048(), PemForm::kTraditional);
    constexpr std::size_t kDigit = (4 + 3 + 4 + 1 + 256) * 8 / 6;
    char& digit = pem[pem.find('\n') + 1 + kDigit + kDigit / 64];
    digit = 'A';
    EXPECT_THAT(refusal(pem), is_invalid_key("damaged", ""));
}

TEST_F(OpensslModuleTest, ReportsEncryptionThatIsNotOffered) {
    std::string pem = to_pem(rsa_2048(), PemForm::kTraditional, "right");
    pem.replace(pem.find("AES-256-CBC"), 11, "XYZ-256-CBC");
    EXPECT_THAT(refusal(pem, "right"), is_invalid_key("encrypted in a way", "openssl pkcs8"));
}

TEST_F(OpensslModuleTest, ControlCharactersStayOutOfMessages) {
    const Outcome outcome = failure_to_open(module_, {"file:///no%0Asuch%1B%FFfile%C3%A9"});
    EXPECT_THAT(outcome, fails(ECRYPTFS_PKI_NOT_FOUND, "/no?such??fileé", ""));
}

TEST_F(OpensslModuleTest, LongPathKeepsTheReason) {
    const std::string path = "/" + std::string(200, 'a') + "/" + std::string(200, 'b') + ".pem";
    EXPECT_THAT(failure_to_open(module_, {"file://" + path}),
                fails(ECRYPTFS_PKI_NOT_FOUND, "bbb.pem: No such file or directory", ""));
}

// ---- files of ecryptfs-utils

struct Vector {
    std::string name;
    std::string key;
    std::string passphrase;
    std::uint8_t cipher_code;
    std::size_t key_bytes;
};

// The encrypted file key in the Tag 1 packet that follows the 26 bytes of the header's fixed part.
// fs/ecryptfs/keystore.c: parse_tag_1_packet.
Bytes wrapped_key_in(const std::string& header) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(header.at(i)); };
    EXPECT_EQ(byte(26), 1);
    const bool one_byte_length = byte(27) < 192;
    const std::size_t size = one_byte_length ? byte(27) : (byte(27) - 192UL) * 256 + byte(28) + 192;
    constexpr std::size_t kBeforeKey = 1 + 8 + 1;  // version, signature, algorithm
    const std::size_t start = 26 + (one_byte_length ? 2 : 3) + kBeforeKey;
    const auto bytes = base::as_bytes(header).subspan(start, size - kBeforeKey);
    return {bytes.begin(), bytes.end()};
}

TEST_F(OpensslModuleTest, UnwrapsFileKeysOfEcryptfsUtils) {
    const std::string vectors = ECRYPTFS_VECTORS;
    for (const Vector& vector : {Vector{"rsa1024-aes16", "k1024", "secret", 7, 16},
                                 Vector{"rsa2048-aes16", "k2048", "secret", 7, 16},
                                 Vector{"rsa2048p8-aes32", "k2048p8", "p8secret", 9, 32}}) {
        const OpenKey key(
            module_, {"file://" + vectors + "/keys/" + vector.key + ".pem", vector.passphrase});
        const Outcome unwrapped =
            key.decrypt(wrapped_key_in(test::content_of(vectors + "/" + vector.name + ".header")));
        ASSERT_EQ(unwrapped.bytes.size(), 1 + vector.key_bytes + 2) << unwrapped.message;
        EXPECT_EQ(unwrapped.bytes[0], vector.cipher_code);
        const auto file_key = base::ByteView{unwrapped.bytes}.subspan(1, vector.key_bytes);
        unsigned sum = 0;
        std::ranges::for_each(file_key, [&sum](std::uint8_t byte) { sum += byte; });
        const unsigned checksum =
            256U * unwrapped.bytes[1 + vector.key_bytes] + unwrapped.bytes.back();
        EXPECT_EQ(sum % 65536, checksum);
    }
}

}  // namespace
}  // namespace ecryptfs::contract
