// SPDX-License-Identifier: Apache-2.0
//
// The advice of the module openssl, and of what it shares with the others: it is followed.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/contract/advice.h"
#include "tests/contract/new_key.h"
#include "tests/contract/rsa_keys.h"
#include "tests/contract/temporary_folder.h"
#include "tests/support/files.h"

namespace ecryptfs::contract {
namespace {

namespace fs = std::filesystem;

constexpr char kNamePrivateKey[] = "name the file that holds the private key";
constexpr char kBackup[] = "restore the file from a backup";

class OpensslAdvice : public testing::Test {
  protected:
    const ecryptfs_pki_module& module_ = load(ECRYPTFS_OPENSSL_SO);
    TemporaryFolder folder_;
    const Pkey key_ = make_rsa_key(2048);

    std::string path(std::string_view name) const { return folder_.path(name).string(); }
    std::string pem(const std::optional<std::string>& passphrase = {}) const {
        return to_pem(*key_, PemForm::kPkcs8, passphrase);
    }
    Outcome refusal(std::string_view contents,
                    const std::optional<std::string>& secret = {}) const {
        return failure_to_open(module_, {folder_.write("key", contents), secret});
    }
    void expect_opens(const std::string& name,
                      const std::optional<std::string>& secret = {}) const {
        EXPECT_EQ(OpenKey(module_, {folder_.uri(name), secret}).describe().modulus_size, 256U);
    }
    void shell(const std::string& line) const {
        const auto outcome = test::run({"/bin/sh", {"-c", "cd \"$0\" && " + line, path("")}});
        ASSERT_EQ(outcome.exit_code, 0) << line << ": " << outcome.err;
    }
    std::string read(const std::string& name) const { return test::content_of(path(name)); }
};

TEST_F(OpensslAdvice, WorksForFilesWithoutPrivateKey) {
    folder_.write("right", pem());
    fs::create_directory(folder_.path("folder"));
    for (const std::string& contents :
         {to_public_pem(*key_), std::string("ssh-rsa AAAA ada@laptop\n"), std::string("no key"),
          std::string(),
          std::string("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")}) {
        expect_advice(refusal(contents), ECRYPTFS_PKI_INVALID_KEY, kNamePrivateKey);
    }
    expect_advice(failure_to_open(module_, {folder_.uri("folder")}), ECRYPTFS_PKI_INVALID_KEY,
                  kNamePrivateKey);
    expect_opens("right");
}

TEST_F(OpensslAdvice, WorksForMissingFile) {
    expect_advice(failure_to_open(module_, {folder_.uri("key")}), ECRYPTFS_PKI_NOT_FOUND,
                  "check the path, and that its file system is mounted");
    expect_advice(failure_to_open(module_, {"key.pem"}), ECRYPTFS_PKI_INVALID_LOCATOR,
                  "name a local file: an absolute path, or file:///absolute/path");
    folder_.write("key", pem());
    expect_opens("key");
}

TEST_F(OpensslAdvice, WorksForKeysOfWrongKind) {
    expect_advice(refusal(to_pem(*make_key("P-521"), PemForm::kPkcs8)), ECRYPTFS_PKI_INVALID_KEY,
                  "use an RSA key of 2048 to 4096 bits; make one: ecryptfsctl generate-key openssl "
                  "NEW.pem");  // that command is run in tests/cli/advice_test.cpp
    expect_advice(refusal(to_pem(*make_rsa_key(512), PemForm::kPkcs8)), ECRYPTFS_PKI_INVALID_KEY,
                  "use an RSA key of 2048 to 4096 bits");
    for (const unsigned bits : {2048U, 4096U}) {
        folder_.write("key", to_pem(*make_rsa_key(bits), PemForm::kPkcs8));
        OpenKey(module_, {folder_.uri("key")});
    }
}

TEST_F(OpensslAdvice, WorksForKeysOfOtherPrograms) {
    shell("ssh-keygen -q -t rsa -b 2048 -N '' -f openssh");
    const auto refused = failure_to_open(module_, {folder_.uri("openssh")});
    expect_advice(refused, ECRYPTFS_PKI_INVALID_KEY,
                  "convert a copy of the file: cp -p " + path("openssh") + " " +
                      path("openssh.pem") + " && ssh-keygen -p -m PEM -f " + path("openssh.pem"));
    follow(refused.advice, "-P '' -N ''");
    expect_opens("openssh.pem");
    EXPECT_NE(read("openssh").find("OPENSSH"), std::string::npos) << "the file itself stays";

    for (const std::string what : {"TSS2 PRIVATE KEY", "TSS2 KEY BLOB"}) {
        // What that module makes of such files is in tpm2_test.cpp.
        expect_advice(refusal("-----BEGIN " + what + "-----\nAAAA\n-----END " + what + "-----\n"),
                      ECRYPTFS_PKI_INVALID_KEY, "use the module tpm2 for this file: --module tpm2");
    }
    // Debian's openssl has no PuTTY keys, and puttygen is not installed for tests.
    expect_advice(
        refusal("PuTTY-User-Key-File-3: ssh-rsa\n"), ECRYPTFS_PKI_INVALID_KEY,
        "convert it: puttygen " + path("key") + " -O private-openssh -o " + path("key.pem"));
}

TEST_F(OpensslAdvice, WorksForBinaryKeys) {
    folder_.write("source", pem());
    shell("openssl pkey -in source -outform DER -out pkcs8");
    shell("openssl pkcs8 -topk8 -in source -outform DER -passout pass:1 -out encrypted");
    shell("openssl pkcs12 -export -nocerts -inkey source -passout pass:1 -out pkcs12");
    shell(
        "openssl pkcs12 -export -nocerts -inkey source -passout pass:1 -legacy -keypbe "
        "PBE-SHA1-RC2-40 -macalg sha1 -out old");
    const auto from_der = [&](const std::string& name) {
        return "openssl pkey -inform DER -in " + path(name) + " -aes256 -out " + path(name) +
               ".pem";
    };
    const auto convert = [&](const std::string& name, const std::string& advice) {
        const auto refused = failure_to_open(module_, {folder_.uri(name)});
        expect_advice(refused, ECRYPTFS_PKI_INVALID_KEY, advice);
        follow(advice, "-passin pass:1 -passout pass:1234");
        expect_opens(name + ".pem", "1234");
    };
    convert("pkcs8", "convert it from DER: " + from_der("pkcs8"));
    convert("encrypted", "if it is a key, convert it from DER: " + from_der("encrypted"));
    convert("pkcs12", "convert it from PKCS#12: openssl pkcs12 -in " + path("pkcs12") +
                          " -nocerts -out " + path("pkcs12.pem"));
    convert("old", "convert it from PKCS#12: openssl pkcs12 -legacy -in " + path("old") +
                       " -nocerts -out " + path("old.pem"));
}

// The machine has no such cipher; the advice is for one that has.
TEST_F(OpensslAdvice, WorksForOldEncryption) {
    std::string contents = to_pem(*key_, PemForm::kTraditional, "right");
    contents.replace(contents.find("AES-256-CBC"), 3, "XYZ");
    const auto refused = refusal(contents, "right");
    expect_advice(refused, ECRYPTFS_PKI_INVALID_KEY,
                  "convert it where there is OpenSSL 1.1 or older: openssl pkcs8 -topk8 -v2 "
                  "aes-256-cbc -in " +
                      path("key") + " -out " + path("key.pem"));
    folder_.write("key", to_pem(*key_, PemForm::kTraditional, "right"));
    follow(refused.advice, "-passin pass:right -passout pass:1234");
    expect_opens("key.pem", "1234");
}

TEST_F(OpensslAdvice, WorksForPassphrases) {
    const auto contents = pem("right");
    expect_advice(refusal(contents), ECRYPTFS_PKI_SECRET_REQUIRED,
                  "give the passphrase of the key file");
    expect_advice(refusal(contents, "wrong"), ECRYPTFS_PKI_WRONG_SECRET,
                  "try again; if the passphrase is right, the file is damaged");
    expect_opens("key", "right");
}

TEST_F(OpensslAdvice, WorksForDamagedFile) {
    const auto contents = to_pem(*key_, PemForm::kTraditional);
    folder_.write("backup", contents);
    auto other_modulus = contents;
    char& digit = other_modulus[contents.find('\n') + 150];
    digit = digit == 'A' ? 'B' : 'A';
    for (const auto& damaged : {contents.substr(0, contents.size() / 2), other_modulus}) {
        expect_advice(refusal(damaged), ECRYPTFS_PKI_INVALID_KEY, kBackup);
    }
    std::string one_line;
    for (const char c : contents) {
        one_line += c == '\n' ? ' ' : c;
    }
    expect_advice(refusal(one_line), ECRYPTFS_PKI_INVALID_KEY,
                  "copy the file again, as a file: what was pasted as text may be one line");
    shell("cp backup key");
    expect_opens("key");
}

TEST_F(OpensslAdvice, WorksForNewKeys) {
    const auto refused = [&](const NewKey& wanted) { return generate(module_, wanted); };
    expect_advice(refused({folder_.uri("new"), 1024}), ECRYPTFS_PKI_NOT_SUPPORTED,
                  "choose 2048, 3072 or 4096 bits");
    expect_advice(refused({folder_.uri("new"), 2048, {}, {{"pcrs", "sha256:7"}}}),
                  ECRYPTFS_PKI_NOT_SUPPORTED,
                  "the one option for new keys in the module openssl is curve");
    expect_advice(refused({folder_.uri("new"), 0, {}, {{"curve", "p521"}}}),
                  ECRYPTFS_PKI_NOT_SUPPORTED, "choose p256, p384 or x25519");
    expect_advice(refused({folder_.uri("new"), 2048, {}, {{"curve", "p256"}}}),
                  ECRYPTFS_PKI_INVALID_LOCATOR, "give a curve or bits, not both");
    const auto nowhere = refused({folder_.uri("no/folder/new"), 2048});
    expect_advice(nowhere, ECRYPTFS_PKI_NOT_FOUND,
                  "make the folder first: mkdir -p " + path("no/folder/"));
    follow(nowhere.advice);
    made(module_, {folder_.uri("no/folder/new"), 2048});
    expect_advice(refused({folder_.uri("no/folder/new"), 2048}), ECRYPTFS_PKI_ALREADY_EXISTS,
                  "choose another name, or move the file away if nothing needs it");
    made(module_, {folder_.uri("other"), 2048});
    shell("mv no/folder/new away");
    made(module_, {folder_.uri("no/folder/new"), 2048});
}

TEST_F(OpensslAdvice, WorksForReadOnlyFolder) {
    fs::create_directory(folder_.path("closed"));
    const auto refused = [&] { return generate(module_, {folder_.uri("closed/new"), 2048}); };
    expect_advice(as_nobody(refused), ECRYPTFS_PKI_ACCESS_DENIED,
                  "choose a folder that this user may write to");
    fs::permissions(folder_.path("closed"), fs::perms::all);
    EXPECT_EQ(as_nobody(refused).status, ECRYPTFS_PKI_OK);
}

TEST_F(OpensslAdvice, WorksForFilesOfTpm2Tools) {
    // Followed for each key of tests/contract/software_tpm.cpp.
    expect_advice(refusal(std::string("\0\x05\0\x01\0\x0b\0", 7)), ECRYPTFS_PKI_INVALID_KEY,
                  "make a key file of the key's two parts: tpm2_encodeobject -C PARENT -u KEY.pub "
                  "-r KEY.priv -o KEY.pem");
}

TEST_F(OpensslAdvice, WorksForCallsThatNoHostMakes) {
    folder_.write("key", pem());
    const OpenKey key(module_, {folder_.uri("key")});
    expect_advice(key.encrypt({}), ECRYPTFS_PKI_FAILED, "this is a fault of the caller: report it");
    const OpenKey half(module_, {folder_.uri("key")}, ECRYPTFS_PKI_USE_PUBLIC);
    expect_advice(half.decrypt(key.wrap(pattern(19))), ECRYPTFS_PKI_FAILED,
                  "this is a fault of the caller: report it");
    expect_advice(key.decrypt(Bytes(256)), ECRYPTFS_PKI_DECRYPT_FAILED,
                  "check that the file was made with this key");
    EXPECT_EQ(key.decrypt(half.wrap(pattern(19))).bytes, pattern(19));
}

}  // namespace
}  // namespace ecryptfs::contract
