// SPDX-License-Identifier: Apache-2.0
//
// What the module pkcs11 lists and makes, and how it finds keys that other programs made.

#include <gmock/gmock.h>

#include <map>

#include "tests/contract/fails.h"
#include "tests/contract/loaded_module.h"
#include "tests/contract/rsa_keys.h"
#include "tests/contract/softhsm.h"
#include "tests/fakes/private_keyrings.h"

namespace ecryptfs::contract {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ContainsRegex;
using testing::Each;
using testing::Field;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;
using testing::Pair;
using testing::SizeIs;
using testing::StartsWith;

constexpr char kLibrary[] = "/usr/lib/softhsm/libsofthsm2.so";

struct Item {
    std::string uri;
    std::string label;
    std::map<std::string, std::string> properties;
};

void PrintTo(const Item& item, std::ostream* out) {
    *out << item.label << " " << item.uri << " " << testing::PrintToString(item.properties);
}

class Pkcs11Tokens : public testing::Test {
  protected:
    void SetUp() override {
        SoftHsm::instance();
        load(ECRYPTFS_PKCS11_SO);
    }

    static const ecryptfs_pki_module& abi() { return load(ECRYPTFS_PKCS11_SO); }

    static std::vector<Item> list(ecryptfs_pki_item_kind kind) {
        std::vector<Item> items;
        ecryptfs_pki_error error = {};
        const auto take = [](void* context, const ecryptfs_pki_item* item) {
            Item copy{item->uri, item->label, {}};
            for (std::size_t i = 0; i < item->property_count; ++i) {
                copy.properties[item->properties[i].name] = item->properties[i].value;
            }
            static_cast<std::vector<Item>*>(context)->push_back(copy);
        };
        EXPECT_EQ(abi().list(kind, take, &items, &error), ECRYPTFS_PKI_OK) << error.message;
        return items;
    }

    // The locator, or how it failed.
    static std::string generate(const std::string& where, std::uint32_t bits, Outcome& outcome,
                                const std::optional<std::string>& pin = kPin) {
        const std::string text = pin.value_or("");
        const auto bytes = base::as_bytes(text);
        const ecryptfs_pki_secret secret{bytes.data(), bytes.size()};
        const ecryptfs_pki_new_key wanted{where.c_str(), bits, nullptr, 0, pin ? &secret : nullptr};
        std::vector<char> locator(ECRYPTFS_PKI_MAX_LOCATOR);
        ecryptfs_pki_error error = {};
        outcome.status = abi().generate(&wanted, locator.data(), &error);
        outcome.message = error.message;
        outcome.advice = error.advice;
        return locator.data();
    }

    // Puts objects on the token "other" as pkcs11-tool does, each with its own label and, unless it
    // is empty, id.
    static void put_key(evp_pkey_st& key, const std::string& label, const std::string& id) {
        put("privkey --usage-decrypt", "openssl pkey -in " + pem_of(key) + " -outform der -out ",
            label, id);
    }
    static void put_certificate(evp_pkey_st& key, const std::string& label, const std::string& id) {
        put("cert",
            "openssl req -x509 -key " + pem_of(key) +
                " -subj /CN=a -days 3 -addext basicConstraints=CA:FALSE -outform der -out ",
            label, id);
    }
    // The modulus says which key a URI has opened.
    static Bytes opened_by(const std::string& uri) {
        const OpenKey key(abi(), {uri, kPin});
        EXPECT_TRUE(works(key)) << uri;
        const OpenKey again(abi(), {key.describe().locator, kPin});
        EXPECT_TRUE(works(again)) << key.describe().locator;
        const auto& seen = again.describe();
        return Bytes(seen.modulus, seen.modulus + seen.modulus_size);
    }

    static bool works(const OpenKey& key) {
        return key.decrypt(key.wrap(pattern(19))).bytes == pattern(19);
    }

  private:
    static std::string pem_of(evp_pkey_st& key) {
        const auto& folder = SoftHsm::instance().folder();
        folder.write("put.pem", to_pem(key, PemForm::kPkcs8));
        return folder.path("put.pem").string();
    }
    static void put(const std::string& type, const std::string& make_der, const std::string& label,
                    const std::string& id) {
        const auto der = SoftHsm::instance().folder().path("put.der").string();
        run_program(make_der + der);
        run_program(std::string("pkcs11-tool --module ") + kLibrary +
                    " --token-label other --login --pin " + kPin + " --label '" + label + "' " +
                    (id.empty() ? "" : "--id " + id) + " --write-object " + der + " --type " +
                    type);
    }
};

TEST_F(Pkcs11Tokens, ListTokensWithProperties) {
    const auto tokens = list(ECRYPTFS_PKI_TOKENS);
    EXPECT_THAT(
        tokens,
        Contains(AllOf(
            Field("label", &Item::label, "contract"),
            Field("uri", &Item::uri, StartsWith("pkcs11:token=contract;serial=")),
            Field(
                "properties", &Item::properties,
                IsSupersetOf(
                    {Pair("manufacturer", "SoftHSM project"), Pair("model", "SoftHSM v2"),
                     Pair("module", "softhsm2"), Pair("login-required", "yes"),
                     Pair("pin-pad", "no"), Pair("pin-locked", "no"), Pair("generates-keys", "yes"),
                     Pair("mechanisms",
                          "rsa-oaep-sha1 rsa-oaep-sha256 rsa-raw-oaep-sha1 rsa-pkcs ecdh")})))));
    EXPECT_THAT(tokens, Each(Field("label", &Item::label, Not(HasSubstr("Trust")))))
        << "tokens without keys";
    EXPECT_THAT(tokens, SizeIs(kTokens.size())) << "and none that has no label yet";
}

TEST_F(Pkcs11Tokens, ListKeysWithoutPin) {
    SoftHsm::instance().import("other", "listed key", "1157",
                               to_pem(*make_rsa_key(2048), PemForm::kPkcs8));
    const auto keys = list(ECRYPTFS_PKI_KEYS);
    const auto found = std::ranges::find(keys, "listed key", &Item::label);
    ASSERT_NE(found, keys.end()) << testing::PrintToString(keys);
    EXPECT_EQ(std::ranges::count(keys, "listed key", &Item::label), 1);
    EXPECT_THAT(found->uri, StartsWith("pkcs11:token=other;serial="));
    EXPECT_THAT(found->uri, HasSubstr(";id=%11%57;object=listed%20key;type=private"));
    EXPECT_THAT(found->properties, IsSupersetOf({Pair("token", "other"), Pair("bits", "2048")}));
    EXPECT_TRUE(works(OpenKey(abi(), {found->uri, kPin})));
}

TEST_F(Pkcs11Tokens, NewKeyOpensByItsLocator) {
    Outcome outcome{};
    const auto locator = generate("pkcs11:token=other;object=made%20here", 2048, outcome);
    ASSERT_EQ(outcome.status, ECRYPTFS_PKI_OK) << outcome.message;
    EXPECT_THAT(locator, HasSubstr(";object=made%20here;type=private?x-mechanism=rsa-oaep-sha1"));
    EXPECT_THAT(locator, HasSubstr(";id=%")) << "a random one";
    const OpenKey key(abi(), {locator, kPin});
    EXPECT_EQ(key.describe().locator, locator);
    EXPECT_EQ(key.describe().modulus_size, 256U);
    EXPECT_TRUE(works(key));
    const OpenKey half(abi(), {locator}, ECRYPTFS_PKI_USE_PUBLIC);
    EXPECT_EQ(key.decrypt(half.wrap(pattern(19))).bytes, pattern(19));
}

// pkcs11-tool looks at it from outside.
TEST_F(Pkcs11Tokens, NewKeyNeverLeavesToken) {
    Outcome outcome{};
    generate("pkcs11:token=other;object=stays;id=%77%88", 2048, outcome);
    ASSERT_EQ(outcome.status, ECRYPTFS_PKI_OK) << outcome.message;
    const auto seen = run_program(std::string("pkcs11-tool --module ") + kLibrary +
                                  " --token-label other --login --pin " + kPin +
                                  " --list-objects --type privkey --id 7788");
    // Newer SoftHSM lets it recover signatures as well.
    EXPECT_THAT(seen, ContainsRegex("label:      stays\n  ID:         7788\n"
                                    "  Usage:      decrypt(, signRecover)?\n"
                                    "  Access:     sensitive, always sensitive, never "
                                    "extractable, local"));
}

TEST_F(Pkcs11Tokens, NewKeyHasUsualSizeByDefault) {
    Outcome outcome{};
    const auto locator = generate("pkcs11:token=other;object=usual", 0, outcome);
    ASSERT_EQ(outcome.status, ECRYPTFS_PKI_OK) << outcome.message;
    EXPECT_EQ(OpenKey(abi(), {locator, kPin}).describe().modulus_size, 384U);
}

TEST_F(Pkcs11Tokens, SecondKeyOfLabelOrIdIsRefused) {
    Outcome outcome{};
    generate("pkcs11:token=other;object=once;id=%33", 2048, outcome);
    ASSERT_EQ(outcome.status, ECRYPTFS_PKI_OK) << outcome.message;
    for (const std::string name : {"object=once", "object=once;id=%34", "object=twice;id=%33"}) {
        generate("pkcs11:token=other;" + name, 2048, outcome);
        EXPECT_EQ(outcome.status, ECRYPTFS_PKI_ALREADY_EXISTS) << name;
    }
    EXPECT_EQ(failure_to_open(abi(), {"pkcs11:token=other;object=twice", kPin}).status,
              ECRYPTFS_PKI_NOT_FOUND);
}

TEST_F(Pkcs11Tokens, FailedNewKeyGivesReason) {
    Outcome outcome{};
    const std::string where = "pkcs11:token=other;object=never";
    generate("pkcs11:token=other", 2048, outcome);
    EXPECT_EQ(outcome.status, ECRYPTFS_PKI_INVALID_LOCATOR);
    generate("pkcs11:object=never", 2048, outcome);
    EXPECT_EQ(outcome.status, ECRYPTFS_PKI_INVALID_LOCATOR);
    generate("pkcs11:token=absent;object=never", 2048, outcome);
    EXPECT_EQ(outcome.status, ECRYPTFS_PKI_NOT_FOUND);
    generate(where, 1024, outcome);
    EXPECT_EQ(outcome.status, ECRYPTFS_PKI_NOT_SUPPORTED);
    generate(where, 2048, outcome, std::nullopt);
    EXPECT_EQ(outcome.status, ECRYPTFS_PKI_SECRET_REQUIRED);
    generate(where, 2048, outcome, "wrong-pin");
    EXPECT_EQ(outcome.status, ECRYPTFS_PKI_WRONG_SECRET);
    EXPECT_EQ(failure_to_open(abi(), {where, kPin}).status, ECRYPTFS_PKI_NOT_FOUND);
}

TEST_F(Pkcs11Tokens, RefuseOptionsByName) {
    const ecryptfs_pki_property option{"touch", "always"};
    const ecryptfs_pki_new_key wanted{"pkcs11:token=other;object=a", 2048, &option, 1, nullptr};
    std::vector<char> locator(ECRYPTFS_PKI_MAX_LOCATOR);
    ecryptfs_pki_error error = {};
    EXPECT_EQ(abi().generate(&wanted, locator.data(), &error), ECRYPTFS_PKI_NOT_SUPPORTED);
    EXPECT_THAT(error.message, HasSubstr("touch"));
}

TEST_F(Pkcs11Tokens, KeysOfPkcs11ToolOpen) {
    run_program(std::string("pkcs11-tool --module ") + kLibrary +
                " --token-label other --login --pin " + kPin +
                " --keypairgen --key-type rsa:2048 --label tool --id a1a2");
    for (const std::string uri :
         {"pkcs11:token=other;object=tool", "pkcs11:token=other;id=%a1%a2",
          "pkcs11:manufacturer=SoftHSM%20project;id=%A1%A2;object=tool;type=private",
          "pkcs11:token=other;object=tool;type=public"}) {
        EXPECT_TRUE(works(OpenKey(abi(), {uri, kPin}))) << uri;
    }
}

TEST_F(Pkcs11Tokens, KeysOfP11toolOpen) {
    run_program("GNUTLS_PIN=" + std::string(kPin) +
                " p11tool --batch --login --generate-privkey=rsa --bits=2048 --label=gnutls "
                "'pkcs11:token=other'");
    const auto seen = run_program("p11tool --list-all 'pkcs11:token=other;object=gnutls'");
    const auto start = seen.find("pkcs11:");
    ASSERT_NE(start, std::string::npos) << seen;
    const auto uri = seen.substr(start, seen.find_first_of(" \n", start) - start);
    EXPECT_THAT(uri, HasSubstr("type=public")) << "which is what it shows without a PIN";
    EXPECT_TRUE(works(OpenKey(abi(), {uri, kPin})));
}

TEST_F(Pkcs11Tokens, AlwaysAuthenticateKeyGetsPinEachTime) {
    run_program(std::string("pkcs11-tool --module ") + kLibrary +
                " --token-label other --login --pin " + kPin +
                " --keypairgen --key-type rsa:2048 --label always --id a3 --always-auth");
    const TestKey always{"pkcs11:token=other;object=always", kPin};
    const OpenKey key(abi(), always);
    EXPECT_TRUE(works(key));
    EXPECT_TRUE(works(key));
    EXPECT_EQ(key.decrypt(Bytes(256)).status, ECRYPTFS_PKI_DECRYPT_FAILED);
    EXPECT_TRUE(works(key));
}

TEST_F(Pkcs11Tokens, CertificateGivesPublicKey) {
    const auto& softhsm = SoftHsm::instance();
    const auto path = [&](const char* name) { return softhsm.folder().path(name).string(); };
    run_program("openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=test -keyout " +
                path("c.key") + " -out " + path("c.pem") + " -addext basicConstraints=CA:FALSE");
    run_program("openssl x509 -in " + path("c.pem") + " -outform der -out " + path("c.der"));
    run_program("openssl pkey -in " + path("c.key") + " -outform der -out " + path("k.der"));
    const auto tool = std::string("pkcs11-tool --module ") + kLibrary +
                      " --token-label other --login --pin " + kPin + " --id c3 --label certified ";
    run_program(tool + "--type privkey --usage-decrypt --write-object " + path("k.der"));
    run_program(tool + "--type cert --write-object " + path("c.der"));
    const std::string uri = "pkcs11:token=other;object=certified";
    const OpenKey half(abi(), {uri}, ECRYPTFS_PKI_USE_PUBLIC);
    const OpenKey whole(abi(), {uri, kPin});
    EXPECT_EQ(whole.decrypt(half.wrap(pattern(19))).bytes, pattern(19));
    EXPECT_STREQ(half.describe().locator, whole.describe().locator);
    EXPECT_THAT(list(ECRYPTFS_PKI_KEYS), Contains(Field("label", &Item::label, "certified")));
}

TEST_F(Pkcs11Tokens, LabelOfCertificateNamesKey) {
    const auto key = make_rsa_key(2048);
    put_key(*key, "its key", "b1");
    put_certificate(*key, "its certificate", "b1");
    for (const std::string name :
         {"object=its%20certificate", "object=its%20certificate;type=cert",
          "id=%b1;object=its%20certificate;type=cert", "object=its%20key;type=private"}) {
        EXPECT_EQ(opened_by("pkcs11:token=other;" + name), numbers_of(*key).modulus) << name;
    }
}

TEST_F(Pkcs11Tokens, NumbersOfCertificateNameKeyWithoutId) {
    const auto key = make_rsa_key(2048);
    const auto other = make_rsa_key(2048);
    put_key(*other, "idless other", "");
    put_key(*key, "idless key", "");
    put_certificate(*key, "idless certificate", "");
    for (const std::string name :
         {"object=idless%20certificate", "object=idless%20certificate;type=cert",
          "object=idless%20key"}) {
        EXPECT_EQ(opened_by("pkcs11:token=other;" + name), numbers_of(*key).modulus) << name;
    }
}

// The label is one key's own, and that of another key's certificate.
TEST_F(Pkcs11Tokens, TypeCertPrefersCertificatesKey) {
    const auto key = make_rsa_key(2048);
    const auto certified = make_rsa_key(2048);
    put_key(*key, "shared", "b2");
    put_key(*certified, "certified key", "b3");
    put_certificate(*certified, "shared", "b3");
    const std::string uri = "pkcs11:token=other;object=shared";
    EXPECT_EQ(opened_by(uri), numbers_of(*key).modulus);
    EXPECT_EQ(opened_by(uri + ";type=private"), numbers_of(*key).modulus);
    EXPECT_EQ(opened_by(uri + ";type=cert"), numbers_of(*certified).modulus);
}

TEST_F(Pkcs11Tokens, RenewedCertificateIsNotAmbiguous) {
    const auto key = make_rsa_key(2048);
    put_key(*key, "renewed key", "b4");
    put_certificate(*key, "renewed", "b4");
    put_certificate(*key, "renewed", "b4");
    EXPECT_EQ(opened_by("pkcs11:token=other;object=renewed;type=cert"), numbers_of(*key).modulus);
}

TEST_F(Pkcs11Tokens, ForeignCertificateOfSameIdIsIgnored) {
    const auto key = make_rsa_key(2048);
    put_key(*key, "kept id", "b5");
    put_certificate(*key, "kept id", "b5");
    put_certificate(*make_rsa_key(2048), "lost key", "b5");
    EXPECT_TRUE(works(OpenKey(abi(), {"pkcs11:token=other;object=kept%20id", kPin})));
}

TEST_F(Pkcs11Tokens, AmbiguousCertificatesAreListed) {
    for (const std::string id : {"b6", "b7"}) {
        const auto key = make_rsa_key(2048);
        put_key(*key, "key " + id, id);
        put_certificate(*key, "Certificate", id);
    }
    const Outcome outcome =
        failure_to_open(abi(), {"pkcs11:token=other;object=Certificate;type=cert", kPin});
    EXPECT_EQ(outcome.status, ECRYPTFS_PKI_INVALID_LOCATOR);
    EXPECT_THAT(outcome.message, HasSubstr("matches 2 keys"));
    EXPECT_THAT(outcome.advice,
                AllOf(HasSubstr("id=%B6;object=key%20b6"), HasSubstr("id=%B7;object=key%20b7")));
    EXPECT_TRUE(works(OpenKey(abi(), {"pkcs11:token=other;id=%B7;object=key%20b7", kPin})));
}

TEST_F(Pkcs11Tokens, UnmatchedUriListsWhatIsThere) {
    put_key(*make_rsa_key(2048), "to be seen", "");
    EXPECT_THAT(failure_to_open(abi(), {"pkcs11:token=other;object=misspelt", kPin}),
                fails(ECRYPTFS_PKI_NOT_FOUND, "no such private key", "keys in the URI: "));
    EXPECT_THAT(failure_to_open(abi(), {"pkcs11:token=absent;object=a", kPin}),
                fails(ECRYPTFS_PKI_NOT_FOUND, "no token", "token=other;serial="));
}

TEST_F(Pkcs11Tokens, CertificateWithoutKeyIsReported) {
    put_certificate(*make_rsa_key(2048), "lonely", "b8");
    EXPECT_EQ(failure_to_open(abi(), {"pkcs11:token=other;object=lonely;type=cert", kPin}).status,
              ECRYPTFS_PKI_NOT_FOUND);
}

TEST_F(Pkcs11Tokens, MismatchedPublicHalfIsRefused) {
    const auto& softhsm = SoftHsm::instance();
    softhsm.import("other", "torn", "d4", to_pem(*make_rsa_key(2048), PemForm::kPkcs8));
    const auto tool = std::string("pkcs11-tool --module ") + kLibrary +
                      " --token-label other --login --pin " + kPin + " --id d4 --type pubkey ";
    softhsm.folder().write("other.pem", to_public_pem(*make_rsa_key(2048)));
    run_program("openssl pkey -pubin -in " + softhsm.folder().path("other.pem").string() +
                " -outform der -out " + softhsm.folder().path("other.der").string());
    run_program(tool + "--delete-object");
    run_program(tool + "--label torn --write-object " +
                softhsm.folder().path("other.der").string());
    const Outcome outcome = failure_to_open(abi(), {"pkcs11:token=other;id=%d4", kPin});
    EXPECT_EQ(outcome.status, ECRYPTFS_PKI_INVALID_KEY);
    EXPECT_THAT(outcome.message, HasSubstr("another key's"));
}

TEST_F(Pkcs11Tokens, AmbiguousUriIsRefused) {
    SoftHsm::instance().import("other", "same", "e1", to_pem(*make_rsa_key(2048), PemForm::kPkcs8));
    SoftHsm::instance().import("other", "same", "e2", to_pem(*make_rsa_key(2048), PemForm::kPkcs8));
    for (const auto use : {ECRYPTFS_PKI_USE_PRIVATE, ECRYPTFS_PKI_USE_PUBLIC}) {
        const Outcome outcome =
            failure_to_open(abi(), {"pkcs11:token=other;object=same", kPin}, use);
        EXPECT_EQ(outcome.status, ECRYPTFS_PKI_INVALID_LOCATOR);
        EXPECT_THAT(outcome.advice, HasSubstr("id="));
    }
    EXPECT_TRUE(works(OpenKey(abi(), {"pkcs11:token=other;object=same;id=%e2", kPin})));
}

TEST_F(Pkcs11Tokens, PinInFileOpensKey) {
    const auto& folder = SoftHsm::instance().folder();
    SoftHsm::instance().import("other", "by file", "f1",
                               to_pem(*make_rsa_key(2048), PemForm::kPkcs8));
    const std::string uri = "pkcs11:token=other;object=by%20file?pin-source=";
    const auto right = folder.write("right-pin", std::string(kPin) + "\n");
    EXPECT_TRUE(works(OpenKey(abi(), {uri + right})));
    EXPECT_TRUE(works(OpenKey(abi(), {uri + folder.path("right-pin").string(), ""})));
    EXPECT_THAT(std::string(OpenKey(abi(), {uri + right}).describe().locator),
                HasSubstr("?pin-source=file:///"));
    EXPECT_EQ(failure_to_open(abi(), {uri + folder.write("wrong-pin", "111111\n")}).status,
              ECRYPTFS_PKI_WRONG_SECRET);
    EXPECT_EQ(failure_to_open(abi(), {uri + folder.write("no-pin", "\n")}).status,
              ECRYPTFS_PKI_SECRET_REQUIRED);
    EXPECT_EQ(failure_to_open(abi(), {uri + folder.uri("absent")}).status, ECRYPTFS_PKI_NOT_FOUND);
    for (const std::string& slip :
         {"\xef\xbb\xbf" + std::string(kPin), "passwd=" + std::string(kPin),
          std::string(kPin) + " ", std::string("6\0004\0008\0", 6)}) {
        const Outcome outcome = failure_to_open(abi(), {uri + folder.write("slip", slip + "\n")});
        EXPECT_EQ(outcome.status, ECRYPTFS_PKI_INVALID_LOCATOR);
        EXPECT_THAT(outcome.message, HasSubstr("not tried"));
        EXPECT_THAT(outcome.advice, HasSubstr(folder.path("slip").string() + ".new"));
    }
    EXPECT_EQ(failure_to_open(abi(), {uri + "%7Ccat"}).status, ECRYPTFS_PKI_INVALID_LOCATOR);
}

TEST_F(Pkcs11Tokens, ReadablePinFileIsWarnedOf) {
    const auto& folder = SoftHsm::instance().folder();
    put_key(*make_rsa_key(2048), "open pin", "f9");
    const auto uri = "pkcs11:token=other;object=open%20pin?pin-source=" +
                     folder.write("open-pin", std::string(kPin) + "\n");
    const auto path = folder.path("open-pin");
    std::filesystem::permissions(path, std::filesystem::perms::others_read,
                                 std::filesystem::perm_options::add);
    EXPECT_EQ(std::string(OpenKey(abi(), {uri}).describe().warning),
              "others can read the file of the PIN: chmod 600 " + path.string());
    std::filesystem::permissions(path, std::filesystem::perms::owner_read);
    EXPECT_STREQ(OpenKey(abi(), {uri}).describe().warning, "");
}

TEST_F(Pkcs11Tokens, PinInUriIsNeverRepeated) {
    for (const std::string uri :
         {"pkcs11:token=other?pin-value=314159", "pkcs11:token=other;pin-value=314159",
          "pkcs11:token=%zz?pin-value=314159"}) {
        const Outcome outcome = failure_to_open(abi(), {uri});
        EXPECT_EQ(outcome.status, ECRYPTFS_PKI_INVALID_LOCATOR) << uri;
        EXPECT_THAT(outcome.message + outcome.advice, Not(HasSubstr("314159")));
    }
}

TEST_F(Pkcs11Tokens, LibraryIsFoundByNameAndPath) {
    SoftHsm::instance().import("other", "by library", "f2",
                               to_pem(*make_rsa_key(2048), PemForm::kPkcs8));
    const std::string uri = "pkcs11:token=other;object=by%20library?";
    for (const std::string library :
         {"module-name=softhsm2", "module-path=/usr/lib/softhsm/libsofthsm2.so"}) {
        const OpenKey key(abi(), {uri + library, kPin});
        EXPECT_TRUE(works(key));
        EXPECT_THAT(std::string(key.describe().locator), HasSubstr(library));
    }
    test::allow_library("/etc/passwd");
    for (const std::string library : {"module-name=absent", "module-path=/nowhere/absent.so",
                                      "module-path=/etc/passwd", "module-name=opensc-pkcs11"}) {
        EXPECT_EQ(failure_to_open(abi(), {uri + library, kPin}).status, ECRYPTFS_PKI_NOT_FOUND)
            << library;
    }
}

}  // namespace
}  // namespace ecryptfs::contract
