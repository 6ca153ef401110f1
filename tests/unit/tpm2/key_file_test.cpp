// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/tpm2/key_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "tests/unit/support.h"

namespace ecryptfs::tpm2_module {
namespace {

using base::ErrorCode;
using test::FailsWith;
using test::hex;
using test::pattern;
using test::Succeeds;

constexpr std::uint32_t kOwner = 0x40000001;

KeyFile whole_key() {
    KeyFile key;
    key.empty_auth = true;
    key.policy = {{0x17f, pattern(41)}, {0x16b, {}}};
    key.rsa_parent = true;
    key.parent = 0x81000001;
    key.public_area = pattern(300);
    key.private_area = pattern(200, 7);
    key.pcr_lines = {"PCR sha256:7 = 00", "PCR sha256:11 = 11"};
    return key;
}

std::string pem_of(std::string_view label, const Bytes& der_bytes) {
    std::string text(4 * ((der_bytes.size() + 2) / 3) + 1, '\0');
    text.resize(static_cast<std::size_t>(
        ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), der_bytes.data(),
                          static_cast<int>(der_bytes.size()))));
    std::string pem = "-----BEGIN " + std::string(label) + "-----\n";
    for (std::size_t i = 0; i < text.size(); i += 64) {
        pem += text.substr(i, 64) + "\n";
    }
    return pem + "-----END " + std::string(label) + "-----\n";
}

Bytes joined(std::initializer_list<Bytes> parts) {
    Bytes all;
    for (const auto& part : parts) {
        append(all, part);
    }
    return all;
}

// A key file of these fields behind the type.
base::Result<KeyFile> parsed(const char* oid, const Bytes& fields,
                             std::string_view label = "TSS2 PRIVATE KEY") {
    return parse_key_file(
        pem_of(label, der(kDerSequence, joined({der(kDerOid, hex(oid)), fields}))), "/k");
}

const Bytes kParts =
    joined({der_uint32(0), der(kDerOctetString, pattern(3)), der(kDerOctetString, pattern(4))});

TEST(TpmKeyFile, RoundTrips) {
    const auto key = parse_key_file(to_pem(whole_key()), "/k");
    ASSERT_THAT(key, Succeeds());
    const auto expected = whole_key();
    EXPECT_EQ(key->empty_auth, expected.empty_auth);
    EXPECT_EQ(key->rsa_parent, expected.rsa_parent);
    EXPECT_EQ(key->parent, expected.parent);
    EXPECT_EQ(key->public_area, expected.public_area);
    EXPECT_EQ(key->private_area, expected.private_area);
    EXPECT_EQ(key->pcr_lines, expected.pcr_lines);
    ASSERT_EQ(key->policy.size(), 2U);
    EXPECT_EQ(key->policy[0].code, 0x17fU);
    EXPECT_EQ(key->policy[0].parameters, pattern(41));
    EXPECT_EQ(key->policy[1].code, 0x16bU);
    EXPECT_TRUE(key->policy[1].parameters.empty());
}

TEST(TpmKeyFile, DefaultParentIsOwnerHierarchy) {
    const auto key = parsed("6781050a0103", kParts);
    ASSERT_THAT(key, Succeeds());
    EXPECT_EQ(key->parent, kOwner);
    EXPECT_FALSE(key->empty_auth);
    EXPECT_FALSE(key->rsa_parent);
    EXPECT_TRUE(key->policy.empty());
}

TEST(TpmKeyFile, SkipsUnusedOptionalFields) {
    const auto key = parsed("6781050a0103", joined({der(der_explicit(2), hex("0400")),
                                                    der(der_explicit(4), hex("0c01 61")),
                                                    der(der_explicit(9), hex("0500")), kParts}));
    ASSERT_THAT(key, Succeeds());
    EXPECT_EQ(key->private_area, pattern(4));
}

TEST(TpmKeyFile, OldFormIsRead) {
    const auto fields = joined(
        {der(der_explicit(0), hex("0101 ff")), der(der_explicit(1), der_uint32(0x81000002)),
         der(der_explicit(2), der(kDerOctetString, pattern(3))), der(kDerOctetString, pattern(4))});
    const auto key = parsed("6781050a02", fields, "TSS2 KEY BLOB");
    ASSERT_THAT(key, Succeeds());
    EXPECT_TRUE(key->empty_auth);
    EXPECT_EQ(key->parent, 0x81000002U);
    EXPECT_EQ(key->public_area, pattern(3));
    EXPECT_EQ(key->private_area, pattern(4));
}

TEST(TpmKeyFile, UnloadableTypeIsRefused) {
    for (const auto* oid : {"6781050a0104", "6781050a0105", "2a864886f70d"}) {
        EXPECT_THAT(parsed(oid, kParts), FailsWith(ErrorCode::kInvalidKey, "can load")) << oid;
    }
}

TEST(TpmKeyFile, BadOrMissingFieldIsDamage) {
    const auto octets = der(kDerOctetString, pattern(3));
    for (const auto& fields : {
             Bytes{}, der_uint32(0), joined({der_uint32(0), octets}), joined({octets, octets}),
             joined({der(der_explicit(0), hex("0102 ffff")), kParts}),
             joined({der(der_explicit(0), hex("0201 01")), kParts}),
             joined({der(der_explicit(1), hex("0400")), kParts}),
             joined({der(der_explicit(1), der(kDerSequence, hex("3000"))), kParts}),
             hex("a005 01"),  // reaches beyond the file
         }) {
        EXPECT_THAT(parsed("6781050a0103", fields), FailsWith(ErrorCode::kInvalidKey, "damaged"))
            << base::to_hex(fields);
    }
}

TEST(TpmKeyFile, BadPemIsDamage) {
    const auto pem = to_pem(whole_key());
    EXPECT_THAT(parse_key_file(pem.substr(0, pem.size() - 20), "/k"),
                FailsWith(ErrorCode::kInvalidKey, "damaged"));
    auto other = pem;
    other.replace(other.find("-----\n") + 10, 4, "!!!!");
    EXPECT_THAT(parse_key_file(other, "/k"), FailsWith(ErrorCode::kInvalidKey, "damaged"));
}

TEST(TpmKeyFile, OtherKeyFilesAreRefusedWithAdvice) {
    const auto refused =
        parse_key_file("-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n", "/k");
    EXPECT_THAT(refused, FailsWith(ErrorCode::kInvalidKey, "not in the TPM"));
    EXPECT_THAT(refused.error().advice, testing::HasSubstr("openssl"));
    EXPECT_THAT(parse_key_file("no key", "/k"), FailsWith(ErrorCode::kInvalidKey, "no TPM key"));
}

TEST(TpmKeyFile, NotesCannotForgePemBlocks) {
    auto key = whole_key();
    key.pcr_lines.clear();
    const auto pem = "PCR sha256:7 = 00\nnot a note\nPCR sha256:8 = -----BEGIN\n" + to_pem(key);
    const auto read = parse_key_file(pem, "/k");
    ASSERT_THAT(read, Succeeds());
    EXPECT_EQ(read->pcr_lines, std::vector<std::string>{"PCR sha256:7 = 00"});
}

}  // namespace
}  // namespace ecryptfs::tpm2_module
