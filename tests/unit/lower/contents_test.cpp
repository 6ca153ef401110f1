// SPDX-License-Identifier: Apache-2.0
//
// File keys and contents. What the kernel encrypted is decrypted in tests/integration.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "lib/lower/extent_cipher.h"
#include "lib/lower/passphrase.h"
#include "tests/unit/support.h"

namespace ecryptfs::lower {
namespace {

using base::as_bytes;
using base::ErrorCode;
using base::SecretBytes;
using test::Bytes;
using test::FailsWith;
using test::hex;
using test::pattern;
using test::read_file;
using test::Succeeds;

SecretBytes secret(const Bytes& bytes) {
    return base::value_or_throw(SecretBytes::copy(bytes));
}

const PassphraseKey& correct_horse() {
    static const auto key =
        base::value_or_throw(derive_passphrase_key(as_bytes("correct-horse"), kDefaultSalt));
    return key;
}

TEST(FileKey, ReadsDecryptedPacketWithChecksum) {
    const auto key = file_key_from_decrypted(hex("07 000102030405060708090a0b0c0d0e0f 0078"));
    ASSERT_THAT(key, Succeeds());
    EXPECT_EQ(key->cipher->name, "aes");
    EXPECT_EQ(test::copy(key->fek.view()), pattern(16, 0));
}

TEST(FileKey, RefusesDecryptedNoise) {
    EXPECT_THAT(file_key_from_decrypted(hex("07 000102030405060708090a0b0c0d0e0f 0079")),
                FailsWith(ErrorCode::kDecryptFailed, "not made for this key"));
    EXPECT_THAT(file_key_from_decrypted({}),
                FailsWith(ErrorCode::kDecryptFailed, "not made for this key"));
    EXPECT_THAT(file_key_from_decrypted(hex("06 000102030405060708090a0b0c0d0e0f 0078")),
                FailsWith(ErrorCode::kMalformed, "cipher 0x06"));
    EXPECT_THAT(file_key_from_decrypted(hex("09 000102030405060708090a0b0c0d0e0f 0078")),
                FailsWith(ErrorCode::kMalformed, "16 bytes"));
}

TEST(FileKey, HasSizeOfItsCipher) {
    // Sizes of the encrypted FEK and of the FEK: AES-192 is filled up to whole blocks.
    struct Sizes {
        std::uint8_t cipher;
        std::size_t encrypted;
        std::size_t fek;
    };
    for (const auto& [cipher, encrypted, fek] : std::to_array<Sizes>({{7, 16, 16},
                                                                      {8, 32, 24},
                                                                      {9, 32, 32},
                                                                      {2, 24, 24},
                                                                      {4, 16, 16},
                                                                      {4, 56, 56},
                                                                      {3, 16, 16}})) {
        const Bytes bytes = pattern(encrypted);
        KeyPacket packet{.kind = PacketKind::kPassphrase, .signature = correct_horse().signature};
        packet.cipher_code = cipher;
        packet.encrypted_fek = bytes;
        const auto key = file_key_from_packet(packet, correct_horse().key.view());
        ASSERT_THAT(key, Succeeds()) << int{cipher};
        EXPECT_EQ(key->fek.size(), fek);
    }
    for (const auto& [cipher, encrypted, fek] : std::to_array<Sizes>({{7, 32, 0},
                                                                      {8, 16, 0},
                                                                      {9, 16, 0},
                                                                      {9, 48, 0},
                                                                      {2, 16, 0},
                                                                      {4, 64, 0},
                                                                      {1, 16, 0}})) {
        const Bytes bytes = pattern(encrypted);
        KeyPacket packet{.kind = PacketKind::kPassphrase, .signature = correct_horse().signature};
        packet.cipher_code = cipher;
        packet.encrypted_fek = bytes;
        EXPECT_THAT(file_key_from_packet(packet, correct_horse().key.view()),
                    FailsWith(ErrorCode::kMalformed, ""))
            << int{cipher} << " " << encrypted;
    }
}

// The first 32 bytes of size-004097.bin's two extents, and what they are (pass-aes16.lower.tar.xz).
TEST(ExtentCipher, DecryptsKernelsExtents) {
    const Bytes bytes = read_file(test::vectors() / "pass-aes16.header");
    const auto header = base::value_or_throw(parse_header(bytes));
    const auto key = base::value_or_throw(
        file_key_from_packet(header.packets.front(), correct_horse().key.view()));
    auto extents = base::value_or_throw(ExtentCipher::create(key));
    Bytes first = hex("edce423806d0fdf153d1f814991bc75c9339335b2a763eef50379a7bd6a8ef6f");
    Bytes second = hex("8b85d380c252231e7f5f79cbd7faabae38dea357418bbdc1b5d8cbbd30e93691");
    ASSERT_THAT(extents.decrypt(0, first), Succeeds());
    ASSERT_THAT(extents.decrypt(1, second), Succeeds());
    EXPECT_EQ(first, hex("51585f666d747b828990979ea5acb3bac1c8cfd6dde4ebf2f9050c131a21282f"));
    EXPECT_EQ(second, hex("8b00000000000000000000000000000000000000000000000000000000000000"));
}

TEST(ExtentCipher, EachExtentHasItsOwnIv) {
    const FileKey key{wire::find_cipher(7), secret(pattern(16))};
    auto extents = base::value_or_throw(ExtentCipher::create(key));
    Bytes two(2 * kExtentSize);
    ASSERT_THAT(extents.decrypt(7, two), Succeeds());
    EXPECT_NE(Bytes(two.begin(), two.begin() + 16),
              Bytes(two.begin() + kExtentSize, two.begin() + kExtentSize + 16));
    Bytes one(kExtentSize);
    ASSERT_THAT(extents.decrypt(8, one), Succeeds());
    EXPECT_EQ(one, Bytes(two.begin() + kExtentSize, two.end())) << "alone or after another";
}

TEST(ExtentCipher, RefusesCiphersUnknownToOpenssl) {
    for (const auto code : std::to_array<std::uint8_t>({0x0a, 0x0b})) {
        const FileKey key{wire::find_cipher(code), secret(pattern(32))};
        EXPECT_THAT(ExtentCipher::create(key),
                    FailsWith(ErrorCode::kNotSupported, "OpenSSL has no"));
    }
}

TEST(ExtentCipher, RefusesPartialBlocks) {
    const FileKey key{wire::find_cipher(7), secret(pattern(16))};
    auto extents = base::value_or_throw(ExtentCipher::create(key));
    Bytes part(17);
    EXPECT_THAT(extents.decrypt(0, part), FailsWith(ErrorCode::kMalformed, "not whole blocks"));
}

// Bytes of `count` extents, the last of them short.
Bytes extents_with_tail(std::size_t count, std::size_t tail) {
    return pattern((count - 1) * kExtentSize + tail);
}

// Where the library is not there, or has nothing for this processor, both are OpenSSL.
TEST(ExtentCipher, GivesTheSameByLanesAsByOpenssl) {
    for (const auto code : std::to_array<std::uint8_t>({7, 8, 9})) {
        const auto key_size = wire::find_cipher(code)->largest_key;
        const FileKey key{wire::find_cipher(code), secret(pattern(key_size))};
        auto fastest = base::value_or_throw(ExtentCipher::create(key));
        auto openssl =
            base::value_or_throw(ExtentCipher::create(key, ExtentCipher::Engine::kOpenSsl));
        ASSERT_FALSE(openssl.has_lanes());
        for (std::size_t count = 1; count <= 33; ++count) {
            for (const std::size_t tail : {std::size_t{16}, std::size_t{2064}, kExtentSize}) {
                const auto plain = extents_with_tail(count, tail);
                Bytes expected(plain.size());
                Bytes encrypted(plain.size());
                ASSERT_THAT(openssl.encrypt(9'999'990, plain, expected), Succeeds());
                ASSERT_THAT(fastest.encrypt(9'999'990, plain, encrypted), Succeeds());
                ASSERT_EQ(encrypted, expected) << key_size << " " << count << " " << tail;
                ASSERT_THAT(fastest.decrypt(9'999'990, encrypted), Succeeds());
                ASSERT_EQ(encrypted, plain) << key_size << " " << count << " " << tail;
            }
        }
    }
}

TEST(ExtentCipher, ChangesNothingWhenTheRoomIsOfAnotherSize) {
    const FileKey key{wire::find_cipher(7), secret(pattern(16))};
    auto extents = base::value_or_throw(ExtentCipher::create(key));
    const Bytes two(32);
    Bytes one(16);
    EXPECT_THAT(extents.encrypt(0, two, one), FailsWith(ErrorCode::kMalformed, "no room"));
    EXPECT_EQ(one, Bytes(16));
}

}  // namespace
}  // namespace ecryptfs::lower
