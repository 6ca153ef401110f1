// SPDX-License-Identifier: Apache-2.0

#include "lib/wire/legacy_blob.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "lib/base/hex.h"
#include "lib/wire/auth_token.h"
#include "tests/unit/support.h"

namespace ecryptfs::wire {
namespace {

using base::ErrorCode;
using test::Bytes;
using test::FailsWith;
using test::hex;
using test::Succeeds;

struct Vector {
    std::string_view file;
    std::string_view path;
    std::string_view passphrase;
};

TEST(LegacyOpensslBlob, HoldsPathAndPassphrase) {
    for (const auto& [file, path, passphrase] : std::to_array<Vector>({
             {"rsa1024-aes16.authtok.bff98d7544e350ea", "/home/alice/keys/k1024.pem", "secret"},
             {"rsa2048-aes16.authtok.fe3467554552491d", "/home/alice/keys/k2048.pem", "secret"},
             {"rsa-plus-pass.authtok.fe3467554552491d", "/home/alice/keys/k2048.pem", "secret"},
             {"rsa2048p8-aes32.authtok.29fd6422340cb71e", "/home/alice/keys/k2048p8.pem",
              "p8secret"},
         })) {
        const Bytes payload = test::read_file(test::vectors() / file);
        const auto token = parse_auth_token(payload);
        ASSERT_THAT(token, Succeeds()) << file;
        const auto& key = std::get<PrivateKeyToken>(*token);
        EXPECT_EQ(key.pki_type.text(), "openssl");
        EXPECT_FALSE(is_locator(key.blob));
        const auto blob = parse_legacy_openssl_blob(key.blob);
        ASSERT_THAT(blob, Succeeds()) << file;
        EXPECT_EQ(blob->path, path);
        EXPECT_EQ(base::as_text(blob->passphrase), passphrase);
    }
}

TEST(LegacyOpensslBlob, PassphraseIsOptional) {
    const Bytes bytes = hex("0300 2f6100 0100 00");
    const auto blob = parse_legacy_openssl_blob(bytes);
    ASSERT_THAT(blob, Succeeds());
    EXPECT_EQ(blob->path, "/a");
    EXPECT_TRUE(blob->passphrase.empty());
}

TEST(LegacyOpensslBlob, LongPathIsRead) {
    Bytes bytes = hex("0201");
    bytes.resize(2 + 257, 'a');
    const Bytes rest = hex("00 0200 6200");
    bytes.insert(bytes.end(), rest.begin(), rest.end());
    const auto blob = parse_legacy_openssl_blob(bytes);
    ASSERT_THAT(blob, Succeeds());
    EXPECT_EQ(blob->path, std::string(257, 'a'));
    EXPECT_EQ(base::as_text(blob->passphrase), "b");
}

struct MalformedBlob {
    std::string bytes;
    std::string_view problem;
};

TEST(LegacyOpensslBlob, BadInputIsRefusedWithReasonAndByte) {
    for (const auto& [bytes, problem] : std::to_array<MalformedBlob>({
             {"", "openssl blob: path needs 2 bytes, 0 are left (byte 0)"},
             {"03", "openssl blob: path needs 2 bytes, 1 are left (byte 0)"},
             {"0300 2f61", "openssl blob: path needs 3 bytes, 2 are left (byte 2)"},
             {"0000 0100 00", "openssl blob: path is not ended by its one NUL (byte 2)"},
             {"0200 2f61 0100 00", "openssl blob: path is not ended by its one NUL (byte 2)"},
             {"0300 2f0000 0100 00", "openssl blob: path is not ended by its one NUL (byte 2)"},
             {"0300 2f6100", "openssl blob: passphrase needs 2 bytes, 0 are left (byte 5)"},
             {"0300 2f6100 0000", "passphrase is not ended by its one NUL (byte 7)"},
             {"0300 2f6100 0200 00", "passphrase needs 2 bytes, 1 are left (byte 7)"},
             {"0300 2f6100 0100 00 00", "openssl blob: 1 bytes too many (byte 8)"},
         })) {
        EXPECT_THAT(parse_legacy_openssl_blob(hex(bytes)),
                    FailsWith(ErrorCode::kInvalidToken, problem))
            << bytes;
    }
}

// As ecryptfs-utils' pkcs11-helper module writes it: id, certificate, PIN.
Bytes pkcs11_blob(std::string_view id, const Bytes& certificate, std::string_view pin) {
    Bytes blob;
    const auto append = [&blob](base::ByteView bytes) {
        blob.push_back(static_cast<std::uint8_t>(bytes.size()));
        blob.push_back(static_cast<std::uint8_t>(bytes.size() >> 8));
        blob.insert(blob.end(), bytes.begin(), bytes.end());
    };
    append(base::as_bytes(std::string(id) + '\0'));
    append(certificate);
    append(base::as_bytes(std::string(pin) + '\0'));
    return blob;
}

TEST(LegacyPkcs11Blob, HoldsIdCertificateAndPin) {
    const Bytes bytes = pkcs11_blob("a/b/c/d/01", hex("3003020105"), "1234");
    const auto blob = parse_legacy_pkcs11_blob(bytes);
    ASSERT_THAT(blob, Succeeds());
    EXPECT_EQ(blob->serialized_id, "a/b/c/d/01");
    EXPECT_EQ(base::to_hex(blob->certificate), "3003020105");
    EXPECT_EQ(base::as_text(blob->pin), "1234");
    EXPECT_FALSE(is_locator(bytes));
}

TEST(LegacyPkcs11Blob, PinIsOptionalInTwoForms) {
    Bytes bytes = pkcs11_blob("a/b/c/d/01", hex("30"), "");
    ASSERT_THAT(parse_legacy_pkcs11_blob(bytes), Succeeds());
    EXPECT_TRUE(parse_legacy_pkcs11_blob(bytes)->pin.empty());
    bytes.resize(bytes.size() - 3);
    bytes.resize(bytes.size() + 2);  // a PIN of no bytes, not even a NUL
    ASSERT_THAT(parse_legacy_pkcs11_blob(bytes), Succeeds());
    EXPECT_TRUE(parse_legacy_pkcs11_blob(bytes)->pin.empty());
}

TEST(LegacyPkcs11Blob, BadInputIsRefusedWithReasonAndByte) {
    for (const auto& [bytes, problem] : std::to_array<MalformedBlob>({
             {"", "pkcs11-helper blob: serialized id needs 2 bytes, 0 are left (byte 0)"},
             {"0000", "serialized id is not ended by its one NUL (byte 2)"},
             {"0100 00", "serialized id is empty (byte 2)"},
             {"0200 6100", "certificate needs 2 bytes, 0 are left (byte 4)"},
             {"0200 6100 0300 3000", "certificate needs 3 bytes, 2 are left (byte 6)"},
             {"0200 6100 0100 30", "PIN needs 2 bytes, 0 are left (byte 7)"},
             {"0200 6100 0100 30 0200 3131", "PIN is not ended by its one NUL (byte 9)"},
             {"0200 6100 0100 30 0200 3100 00", "pkcs11-helper blob: 1 bytes too many (byte 11)"},
         })) {
        EXPECT_THAT(parse_legacy_pkcs11_blob(hex(bytes)),
                    FailsWith(ErrorCode::kInvalidToken, problem))
            << bytes;
    }
}

TEST(LegacyPkcs11Id, NamesTokenAndObject) {
    const auto id = parse_legacy_pkcs11_id(
        R"(SoftHSM\x20project/SoftHSM\x20v2/8f2a9d0c1b3e4f56/my\x2Fcard\xc3\xa4/A1b200)");
    ASSERT_THAT(id, Succeeds());
    EXPECT_EQ(id->manufacturer, "SoftHSM project");
    EXPECT_EQ(id->model, "SoftHSM v2");
    EXPECT_EQ(id->serial, "8f2a9d0c1b3e4f56");
    EXPECT_EQ(id->label, "my/card\u00e4");
    EXPECT_EQ(base::to_hex(id->id), "a1b200");
}

TEST(LegacyPkcs11Id, BadInputIsRefusedWithReasonAndByte) {
    for (const auto& [text, problem] : std::to_array<MalformedBlob>({
             {"", "serialized id: fewer than five parts (byte 0)"},
             {"a/b/c/01", "serialized id: fewer than five parts (byte 6)"},
             {R"(a/b\x2/c/d/01)", R"(a backslash that is no \xNN (byte 2))"},
             {R"(a/b/c/d\/01)", R"(a backslash that is no \xNN (byte 6))"},
             {R"(a/b/c/\x00/01)", R"(a backslash that is no \xNN (byte 6))"},
             {"a/b/c/d/", "the last part is not an id in hexadecimal (byte 8)"},
             {"a/b/c/d/012", "the last part is not an id in hexadecimal (byte 8)"},
             {"a/b/c/d/e/01", "the last part is not an id in hexadecimal (byte 8)"},
         })) {
        EXPECT_THAT(parse_legacy_pkcs11_id(text), FailsWith(ErrorCode::kInvalidToken, problem))
            << text;
    }
}

TEST(Locator, IsPrintableWithScheme) {
    for (const std::string_view text :
         {"file:///home/a/key.pem", "pkcs11:token=a;object=b", "x-y+z.1:", "F:a"}) {
        EXPECT_TRUE(is_locator(base::as_bytes(text))) << text;
    }
    for (const std::string_view text : {"", ":", "1a:b", "/home/a", "file", "fi le:/a", "file:/a\n",
                                        "file:/\xc3\xa4", "a\x7f:"}) {
        EXPECT_FALSE(is_locator(base::as_bytes(text))) << text;
    }
    EXPECT_FALSE(is_locator(base::as_bytes(std::string_view("file:/a\0", 8))));
}

}  // namespace
}  // namespace ecryptfs::wire
