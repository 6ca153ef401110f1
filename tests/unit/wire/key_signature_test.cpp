// SPDX-License-Identifier: Apache-2.0

#include "lib/wire/key_signature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include <unordered_set>

#include "lib/base/handle.h"
#include "tests/unit/support.h"

namespace ecryptfs::wire {
namespace {

using base::ErrorCode;
using test::Bytes;
using test::FailsWith;
using test::hex;
using test::Succeeds;

TEST(KeySignature, IsSixteenLowerCaseHexadecimalDigits) {
    const auto signature = KeySignature::from_text("0123456789abcdef");
    ASSERT_THAT(signature, Succeeds());
    EXPECT_EQ(signature->text(), "0123456789abcdef");
}

TEST(KeySignature, OtherFormsAreRefused) {
    for (const std::string_view text : {"", "0123456789abcde", "0123456789abcdef0"}) {
        EXPECT_THAT(KeySignature::from_text(text),
                    FailsWith(ErrorCode::kMalformed, "characters instead of 16"));
    }
    EXPECT_THAT(KeySignature::from_text("0123456789abcdeF"),
                FailsWith(ErrorCode::kMalformed, "character 15 of the key signature"));
    EXPECT_THAT(KeySignature::from_text("/123456789abcdef"),
                FailsWith(ErrorCode::kMalformed, "character 0 of the key signature"));
    EXPECT_THAT(KeySignature::from_text(std::string_view("01234567\0abcdefg", 16)),
                FailsWith(ErrorCode::kMalformed, "character 8 of the key signature"));
}

TEST(KeySignature, IsMadeFromEightBytes) {
    const std::array<std::uint8_t, 8> bytes = {0xbf, 0xf9, 0x8d, 0x75, 0x44, 0xe3, 0x50, 0xea};
    EXPECT_EQ(KeySignature::from_bytes(bytes).text(), "bff98d7544e350ea");
}

TEST(KeySignature, OrdersAndHashesByText) {
    const auto low = base::value_or_throw(KeySignature::from_text("0000000000000001"));
    const auto high = base::value_or_throw(KeySignature::from_text("a000000000000000"));
    EXPECT_LT(low, high);
    const std::unordered_set<KeySignature> set = {low, high, low};
    EXPECT_EQ(set.size(), 2U);
}

TEST(OpenpgpPublicKeyPacket, LayoutIsVersion4OfTimeZero) {
    // RFC 4880 sections 12.2 and 5.5.2; 0x1ff has 9 bits, 3 has 2
    EXPECT_EQ(openpgp_public_key_packet(hex("01ff"), hex("03")),
              hex("99 000d 04 00000000 02 0009 01ff 0002 03"));
}

TEST(OpenpgpPublicKeyPacket, SkipsLeadingZeros) {
    EXPECT_EQ(openpgp_public_key_packet(hex("000001ff"), hex("00000003")),
              openpgp_public_key_packet(hex("01ff"), hex("03")));
    EXPECT_EQ(openpgp_public_key_packet(hex("0000"), {}), hex("99 000a 04 00000000 02 0000 0000"));
}

// RFC 7517, A.1, and RFC 8037, A.2: as RFC 7638 has them hashed.
TEST(CurveKeyText, IsTheJwkOfTheThumbprint) {
    EXPECT_EQ(curve_key_text(
                  "P-256", hex("04 30a0424cd21c2944838a2d75c92b37e76ea20d9f00893a3b4eee8a3c0aafec3e"
                               "e04b65e92456d9888b52b379bdfbd51ee869ef1f0fc65b6659695b6cce081723")),
              R"({"crv":"P-256","kty":"EC","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",)"
              R"("y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"})");
    EXPECT_EQ(
        curve_key_text("Ed25519",
                       hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")),
        R"({"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})");
}

using EvpPkey = base::Handle<EVP_PKEY, EVP_PKEY_free>;
using Bignum = base::Handle<BIGNUM, BN_free>;
using File = base::Handle<FILE, std::fclose>;

Bytes number_of(EVP_PKEY* key, const char* name) {
    BIGNUM* number = nullptr;
    EXPECT_EQ(::EVP_PKEY_get_bn_param(key, name, &number), 1);
    const Bignum owner(number);
    Bytes bytes(static_cast<std::size_t>(BN_num_bytes(number)));
    ::BN_bn2bin(number, bytes.data());
    return bytes;
}

std::string signature_of_pem(const std::string& name, std::string passphrase) {
    const File file(std::fopen((test::vectors() / "keys" / name).c_str(), "r"));
    EXPECT_TRUE(file);
    const EvpPkey key(::PEM_read_PrivateKey(file.get(), nullptr, nullptr, passphrase.data()));
    EXPECT_TRUE(key);
    const Bytes packet = openpgp_public_key_packet(number_of(key.get(), OSSL_PKEY_PARAM_RSA_N),
                                                   number_of(key.get(), OSSL_PKEY_PARAM_RSA_E));
    std::array<std::uint8_t, SHA_DIGEST_LENGTH> digest;
    ::SHA1(packet.data(), packet.size(), digest.data());
    return std::string(KeySignature::from_bytes(std::span(digest).first<8>()).text());
}

TEST(OpenpgpPublicKeyPacket, SignaturesEqualThoseOfEcryptfsUtils) {
    EXPECT_EQ(signature_of_pem("k1024.pem", "secret"), "bff98d7544e350ea");
    EXPECT_EQ(signature_of_pem("k2048.pem", "secret"), "fe3467554552491d");
    EXPECT_EQ(signature_of_pem("k2048p8.pem", "p8secret"), "29fd6422340cb71e");
}

}  // namespace
}  // namespace ecryptfs::wire
