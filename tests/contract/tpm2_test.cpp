// SPDX-License-Identifier: Apache-2.0
//
// What is special to the module tpm2: which keys it takes, and what it says of all others.

#include "tests/contract/tpm2_test.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <sys/stat.h>

#include "lib/base/hex.h"
#include "tests/contract/rsa_keys.h"

namespace ecryptfs::contract {
namespace {

using testing::HasSubstr;

class Tpm2KeyTest : public Tpm2ModuleTest {
  protected:
    Outcome refusal(std::string_view pem) const {
        return failure_to_open(module_, {tpm_.write("key.pem", pem) + "&auth=none"});
    }
    // Below the usual parent, with this scheme: "rsa2048:oaep-sha1".
    TestKey key_of_scheme(const std::string& scheme) const {
        tpm_.create_key(
            "scheme",
            {"-G", scheme, "-a", "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|decrypt"});
        return {tpm_.locator("scheme.pem") + "&auth=none"};
    }
    // RSA-2048 keys NAME.pub and NAME.priv below a persistent parent.
    void create_below_persistent_parent(const std::string& name) const {
        const std::string parent = tpm_.path("srk.ctx");
        tpm_.tool("tpm2_createprimary", {"-Q", "-C", "o", "-G", "rsa", "-c", parent});
        tpm_.tool("tpm2_evictcontrol", {"-Q", "-C", "o", "-c", parent, "0x81000001"});
        tpm_.tool("tpm2_create", {"-Q", "-C", "0x81000001", "-G", "rsa2048", "-u",
                                  tpm_.path(name + ".pub"), "-r", tpm_.path(name + ".priv")});
    }
    std::string octets(const std::string& name) const {
        return "FORMAT:HEX,OCTETSTRING:" + base::to_hex(base::as_bytes(tpm_.read(name)));
    }
    // A key file put together by hand, of fields in the words of asn1parse -genconf.
    TestKey file_of(const std::vector<std::string>& fields,
                    const std::string& label = "TSS2 PRIVATE KEY") const {
        std::string conf = "asn1=SEQUENCE:key\n[key]\n";
        for (std::size_t i = 0; i < fields.size(); ++i) {
            conf += "field" + std::to_string(i) + "=" + fields[i] + "\n";
        }
        tpm_.write("conf", conf);
        tpm_.run("openssl",
                 {"asn1parse", "-noout", "-genconf", tpm_.path("conf"), "-out", tpm_.path("der")});
        const std::string base64 = tpm_.run("openssl", {"base64", "-in", tpm_.path("der")});
        return {tpm_.write("k.pem", "-----BEGIN " + label + "-----\n" + base64 + "-----END " +
                                        label + "-----\n") +
                "&auth=none"};
    }
    Pkey public_key(const std::string& name) const {
        return read_public_key(tpm_.public_pem(name));
    }
};

// ---- keys that others made

TEST_F(Tpm2KeyTest, OpensKeysOfTpm2Tools) {
    tpm_.create_key("key");
    expect_usable({tpm_.locator("key.pem") + "&auth=none"});
    tpm_.create_key("with-pin", {"-p", "1234"});
    expect_usable({tpm_.locator("with-pin.pem"), "1234"});
    // Version 5.4 marks a key as one without a PIN when it is told that there is one.
    tpm_.tool("tpm2_encodeobject",
              {"-C", tpm_.path("parent.ctx"), "-u", tpm_.path("with-pin.pub"), "-r",
               tpm_.path("with-pin.priv"), "-p", "-o", tpm_.path("marked.pem")});
    expect_usable({tpm_.locator("marked.pem"), "1234"});
}

TEST_F(Tpm2KeyTest, OpensKeysOfTpm2Openssl) {
    const auto genpkey = [&](const std::string& name, const test::Arguments& more) {
        test::Arguments arguments = {"genpkey",   "-provider",  "tpm2",         "-provider",
                                     "default",   "-algorithm", "RSA",          "-pkeyopt",
                                     "bits:2048", "-out",       tpm_.path(name)};
        arguments.insert(arguments.end(), more.begin(), more.end());
        tpm_.tool("openssl", arguments);
    };
    genpkey("plain.pem", {});
    expect_usable({tpm_.locator("plain.pem") + "&auth=none"});
    genpkey("with-pin.pem", {"-pkeyopt", "user-auth:1234"});
    expect_usable({tpm_.locator("with-pin.pem"), "1234"});
}

// By PKCS#1 v1.5, as pkeyutl of OpenSSL 3.0 cannot tell this provider to do anything else; the key
// itself is fixed to no scheme.
TEST_F(Tpm2KeyTest, Tpm2OpensslOpensOurKeys) {
    for (const std::optional<std::string>& pin : {std::optional<std::string>(), {"1234"}}) {
        const std::string name = pin ? "with-pin" : "plain";
        const TestKey key = made(module_, {tpm_.locator(name), 2048, pin});
        const auto description = OpenKey(module_, key).describe();
        tpm_.write("plaintext", "a file key");
        const test::Arguments with_tpm = {"-provider", "tpm2",    "-provider",
                                          "default",   "-passin", "pass:" + pin.value_or("")};
        const auto openssl = [&](test::Arguments arguments) {
            arguments.insert(arguments.end(), with_tpm.begin(), with_tpm.end());
            return tpm_.tool("openssl", arguments);
        };
        openssl({"pkey", "-in", tpm_.path(name), "-pubout", "-out", tpm_.path("public")});
        EXPECT_EQ(numbers_of(*read_public_key(tpm_.read("public"))).modulus,
                  Bytes(description.modulus, description.modulus + description.modulus_size));
        tpm_.run("openssl", {"pkeyutl", "-encrypt", "-pubin", "-inkey", tpm_.path("public"), "-in",
                             tpm_.path("plaintext"), "-out", tpm_.path("wrapped")});
        EXPECT_EQ(openssl({"pkeyutl", "-decrypt", "-inkey", tpm_.path(name), "-in",
                           tpm_.path("wrapped")}),
                  "a file key");
    }
}

TEST_F(Tpm2KeyTest, OpensKeyBelowPersistentParent) {
    create_below_persistent_parent("k");
    tpm_.tool("tpm2_encodeobject", {"-C", "0x81000001", "-u", tpm_.path("k.pub"), "-r",
                                    tpm_.path("k.priv"), "-o", tpm_.path("k.pem")});
    expect_usable({tpm_.locator("k.pem") + "&auth=none"});
}

// tpm2-tools before 5.3, tpm2-tss-engine before 1.2 and tpm2-openssl before 1.2 wrote a negative
// number where their C type for numbers had 32 bits.
TEST_F(Tpm2KeyTest, OpensFilesWithSignedParent) {
    create_below_persistent_parent("k");
    for (const std::string parent : {"0x81000001", "-0x7effffff"}) {
        SCOPED_TRACE(parent);
        expect_usable(file_of({"OID:2.23.133.10.1.3", "EXPLICIT:0,BOOLEAN:TRUE",
                               "INTEGER:" + parent, octets("k.pub"), octets("k.priv")}));
    }
    EXPECT_THAT(failure_to_open(module_, file_of({"OID:2.23.133.10.1.3", "INTEGER:-0x80000001",
                                                  octets("k.pub"), octets("k.priv")})),
                fails(ECRYPTFS_PKI_INVALID_KEY, "damaged", "backup"));
}

TEST_F(Tpm2KeyTest, UnknownOptionalFieldsAreSkipped) {
    create_below_persistent_parent("k");
    expect_usable(
        file_of({"OID:2.23.133.10.1.3", "INTEGER:0x81000001", octets("k.pub"), octets("k.priv")}));
    expect_usable(file_of({"OID:2.23.133.10.1.3", "EXPLICIT:0,BOOLEAN:FALSE",
                           "EXPLICIT:4,UTF8String:laptop", "EXPLICIT:6,UTF8String:of a later draft",
                           "INTEGER:0x81000001", octets("k.pub"), octets("k.priv")}));
}

// As openssl_tpm2_engine wrote it before there was a draft.
TEST_F(Tpm2KeyTest, OpensTheOldForm) {
    create_below_persistent_parent("k");
    const auto old = [&](const std::string& type, const std::string& parent) {
        return file_of({"OID:" + type, "EXPLICIT:0,BOOLEAN:TRUE", "EXPLICIT:1,INTEGER:" + parent,
                        "EXPLICIT:2," + octets("k.pub"), octets("k.priv")},
                       "TSS2 KEY BLOB");
    };
    expect_usable(old("2.23.133.10.2", "0x81000001"));
    expect_usable(old("2.23.133.10.2", "-0x7effffff"));
    EXPECT_THAT(failure_to_open(module_, old("2.23.133.10.3", "0x81000001")),
                fails(ECRYPTFS_PKI_INVALID_KEY, "no key that the TPM can load", "import"));
}

TEST_F(Tpm2KeyTest, OtherTypesAreNotCalledDamaged) {
    create_below_persistent_parent("k");
    for (const std::string type : {"2.23.133.10.1.4", "2.23.133.10.1.5", "1.2.3"}) {
        EXPECT_THAT(failure_to_open(module_, file_of({"OID:" + type, "INTEGER:0x81000001",
                                                      octets("k.pub"), octets("k.priv")})),
                    fails(ECRYPTFS_PKI_INVALID_KEY, "no key that the TPM can load", "import"))
            << type;
    }
}

// No program at hand writes the optional field rsaParent.
TEST_F(Tpm2KeyTest, OpensKeyBelowRsaParent) {
    const std::string parent = tpm_.path("rsa.ctx");
    tpm_.tool("tpm2_createprimary",
              {"-Q", "-C", "o", "-G", "rsa2048:aes128cfb", "-c", parent, "-a",
               "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt"});
    tpm_.tool("tpm2_create", {"-Q", "-C", parent, "-G", "rsa2048", "-u", tpm_.path("k.pub"), "-r",
                              tpm_.path("k.priv")});
    expect_usable(
        file_of({"OID:2.23.133.10.1.3", "EXPLICIT:0,BOOLEAN:TRUE", "EXPLICIT:5,BOOLEAN:TRUE",
                 "INTEGER:0x40000001", octets("k.pub"), octets("k.priv")}));
    EXPECT_THAT(failure_to_open(module_,
                                file_of({"OID:2.23.133.10.1.3", "EXPLICIT:0,BOOLEAN:TRUE",
                                         "INTEGER:0x40000001", octets("k.pub"), octets("k.priv")})),
                fails(ECRYPTFS_PKI_INVALID_KEY, "parent", "parent"));
}

TEST_F(Tpm2KeyTest, OpensPersistentKeyByHandle) {
    tpm_.create_key("key", {"-p", "1234"});
    const std::string key = tpm_.path("key.ctx");
    tpm_.tool("tpm2_load", {"-Q", "-C", tpm_.path("parent.ctx"), "-u", tpm_.path("key.pub"), "-r",
                            tpm_.path("key.priv"), "-c", key});
    tpm_.tool("tpm2_evictcontrol", {"-Q", "-C", "o", "-c", key, "0x81000010"});
    const std::string locator = "handle:0x81000010" + tpm_.query();
    expect_usable({locator, "1234"});
    EXPECT_EQ(failure_to_open(module_, {locator}).status, ECRYPTFS_PKI_SECRET_REQUIRED);
    EXPECT_EQ(failure_to_open(module_, {locator, "4321"}).status, ECRYPTFS_PKI_WRONG_SECRET);
    const OpenKey public_half(module_, {locator}, ECRYPTFS_PKI_USE_PUBLIC);
    const OpenKey from_file(module_, {tpm_.locator("key.pem"), "1234"});
    EXPECT_EQ(from_file.decrypt(public_half.wrap(pattern(19))).bytes, pattern(19));
}

TEST_F(Tpm2KeyTest, ReportsMissingPersistentKey) {
    for (const auto use : {ECRYPTFS_PKI_USE_PRIVATE, ECRYPTFS_PKI_USE_PUBLIC}) {
        EXPECT_THAT(failure_to_open(module_, {"handle:0x81000042" + tpm_.query()}, use),
                    fails(ECRYPTFS_PKI_NOT_FOUND, "0x81000042", "tpm2_getcap"));
    }
}

TEST_F(Tpm2KeyTest, UsesTheKeysFixedScheme) {
    for (const std::string hash : {"sha1", "sha256", "sha384"}) {
        const OpenKey key(module_, key_of_scheme("rsa2048:oaep-" + hash));
        EXPECT_EQ(key.decrypt(wrap_by_oaep(*public_key("scheme"), hash, pattern(19))).bytes,
                  pattern(19));
        EXPECT_EQ(key.decrypt(key.wrap(pattern(67))).bytes, pattern(67));
    }
    const OpenKey key(module_, key_of_scheme("rsa2048:rsaes"));
    EXPECT_EQ(key.decrypt(key.wrap(pattern(67))).bytes, pattern(67));
    const Bytes by_oaep = wrap_by_oaep(*public_key("scheme"), "SHA256", pattern(19));
    EXPECT_EQ(key.decrypt(by_oaep).status, ECRYPTFS_PKI_DECRYPT_FAILED);
}

TEST_F(Tpm2KeyTest, EncryptsWithoutTpm) {
    const TestKey key = make("1234");
    tpm_.stop();
    const OpenKey public_half(module_, {key.locator}, ECRYPTFS_PKI_USE_PUBLIC);
    const Bytes wrapped = public_half.wrap(pattern(19));
    EXPECT_EQ(failure_to_open(module_, key).status, ECRYPTFS_PKI_NOT_FOUND);
    tpm_.start();
    EXPECT_EQ(OpenKey(module_, key).decrypt(wrapped).bytes, pattern(19));
}

TEST_F(Tpm2KeyTest, WarnsOfReadableKeyWithoutPin) {
    const std::string file = tpm_.path("key.pem");
    make();
    ASSERT_EQ(::chmod(file.c_str(), 0644), 0);
    EXPECT_EQ(std::string(OpenKey(module_, {tpm_.locator("key.pem")}).describe().warning),
              "others can read this key, which has no PIN: chmod 600 " + file);
    ASSERT_EQ(::chmod(file.c_str(), 0600), 0);
    EXPECT_STREQ(OpenKey(module_, {tpm_.locator("key.pem")}).describe().warning, "");
    const TestKey with_pin = made(module_, {tpm_.locator("with-pin.pem"), 2048, "1234"});
    ASSERT_EQ(::chmod(tpm_.path("with-pin.pem").c_str(), 0644), 0);
    EXPECT_STREQ(OpenKey(module_, with_pin).describe().warning, "");
}

// ---- what is no such key

TEST_F(Tpm2KeyTest, RefusesKeysThatCannotDecrypt) {
    tpm_.create_key("signing", {"-G", "rsa2048:rsassa", "-a",
                                "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign"});
    EXPECT_THAT(failure_to_open(module_, {tpm_.locator("signing.pem") + "&auth=none"}),
                fails(ECRYPTFS_PKI_INVALID_KEY, "may not decrypt", "decrypting"));
}

TEST_F(Tpm2KeyTest, RefusesKeyOfOtherTpm) {
    const SoftwareTpm other;
    const TestKey key = made(module_, {other.locator("key.pem"), 2048});
    EXPECT_THAT(refusal(other.read("key.pem")),
                fails(ECRYPTFS_PKI_INVALID_KEY, "another TPM", "machine"));
    expect_usable(key);
}

TEST_F(Tpm2KeyTest, RefusesGarbageAndTruncatedFiles) {
    make();
    const std::string pem = tpm_.read("key.pem");
    for (std::size_t size = 1; size < pem.size() - 1; size += 31) {
        EXPECT_EQ(refusal(pem.substr(0, size)).status, ECRYPTFS_PKI_INVALID_KEY) << size;
    }
    for (std::size_t at = 40; at + 40 < pem.size(); at += 23) {
        std::string damaged = pem;
        damaged[at] = damaged[at] == 'A' ? 'B' : 'A';
        EXPECT_EQ(refusal(damaged).status, ECRYPTFS_PKI_INVALID_KEY) << at;
    }
    EXPECT_THAT(refusal("no key"), fails(ECRYPTFS_PKI_INVALID_KEY, "no TPM key", "TSS2 PEM"));
    EXPECT_THAT(refusal(to_pem(*make_rsa_key(2048), PemForm::kPkcs8)),
                fails(ECRYPTFS_PKI_INVALID_KEY, "not in the TPM", "--module openssl"));
}

TEST_F(Tpm2KeyTest, RefusesUnknownQueries) {
    for (const std::string query :
         {"?tpm=x", "?tcti=", "?tcti", "?auth=some", "?tcti=%zz", "?tcti=swtpm&tcti=device"}) {
        EXPECT_THAT(failure_to_open(module_, {"file:///key.pem" + query}),
                    fails(ECRYPTFS_PKI_INVALID_LOCATOR, "", "file:///absolute/path"))
            << query;
    }
    for (const std::string handle : {"handle:", "handle:0x80000001", "handle:0x8100000100",
                                     "handle:0x8100000g", "handle:-1"}) {
        EXPECT_EQ(failure_to_open(module_, {handle}).status, ECRYPTFS_PKI_INVALID_LOCATOR);
    }
}

TEST_F(Tpm2KeyTest, ReportsMissingTpm) {
    make();
    const std::string file = "file://" + tpm_.path("key.pem");
    EXPECT_THAT(failure_to_open(module_, {file + "?tcti=device:/no/tpm"}),
                fails(ECRYPTFS_PKI_NOT_FOUND, "no TPM at /no/tpm", "firmware"));
    EXPECT_THAT(failure_to_open(module_, {file + "?tcti=swtpm:path=/no/tpm"}),
                fails(ECRYPTFS_PKI_NOT_FOUND, "swtpm:path=/no/tpm", "check"));
    const OpenKey public_half(module_, {file + "?tcti=device:/no/tpm"}, ECRYPTFS_PKI_USE_PUBLIC);
    EXPECT_EQ(public_half.wrap(pattern(19)).size(), 256U);
}

}  // namespace
}  // namespace ecryptfs::contract
