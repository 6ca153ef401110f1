// SPDX-License-Identifier: Apache-2.0

#include "lib/lower/encrypted_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lib/lower/block_cipher.h"
#include "lib/lower/name_key.h"
#include "lib/lower/passphrase.h"
#include "tests/unit/support.h"

namespace ecryptfs::lower {
namespace {

using base::ErrorCode;
using test::Bytes;
using test::FailsWith;
using test::hex;
using test::pattern;
using test::Succeeds;

// From pass-aes32-fnek.lower.tar.xz; the first is `size-000001.bin`.
constexpr std::string_view kVector =
    "ECRYPTFS_FNEK_ENCRYPTED.FWYVtmJFeLSPYkZJX-NgOfDT1lHK53ASG3TI9hHxIp5FEvdo9REiDP.ojU--";
constexpr std::string_view kLongVector =
    "ECRYPTFS_FNEK_ENCRYPTED.FdYVtmJFeLSPYkZJX-NgOfDT1lHK53ASG3TIsD2fFSYZ8Tp2mhY8wFfWDFW-V1xKugpFE2"
    "CjVj862SkMU6EzJifBII.1fsPmW.5g4602DpPenJ3-Euy4wcUFv.W-V1xKugpFE2CjVj862SkMU6EzJifBII.1fsPmW."
    "5g4602DpPenJ3-Euy4wcUFvBLMjQoD5of.tPgPP.PrCnY-";

PassphraseKey fnek(std::string_view passphrase = "battery-staple") {
    return base::value_or_throw(derive_passphrase_key(base::as_bytes(passphrase), kNameSalt));
}

std::string with_packet(const std::string& digits) {
    return std::string(kEncryptedNamePrefix) + encode_name_bytes(hex(digits));
}

TEST(NameBytes, EncodeThreeBytesAsFourCharacters) {
    EXPECT_EQ(encode_name_bytes({}), "");
    EXPECT_EQ(encode_name_bytes(hex("000000")), "----");
    EXPECT_EQ(encode_name_bytes(hex("ffffff")), "zzzz");
    EXPECT_EQ(encode_name_bytes(hex("00108310518720928b")), "-.0123456789");
    EXPECT_EQ(encode_name_bytes(hex("ff")), "zk--");
}

TEST(NameBytes, DecodeWithTrailingZeros) {
    for (std::size_t size = 0; size < 40; ++size) {
        Bytes bytes = pattern(size);
        const auto decoded = decode_name_bytes(encode_name_bytes(bytes));
        ASSERT_THAT(decoded, Succeeds());
        bytes.resize((size + 2) / 3 * 3);
        EXPECT_EQ(*decoded, bytes);
    }
}

TEST(NameBytes, RefuseOtherCharacters) {
    for (const char* text : {"AAA+", "AA/A", "A A-", "_AAA", "AA\x80-"}) {
        EXPECT_THAT(decode_name_bytes(text),
                    FailsWith(ErrorCode::kMalformed, "a character that no encrypted name has"));
    }
    EXPECT_THAT(decode_name_bytes("AAAAA"),
                FailsWith(ErrorCode::kMalformed, "it was cut (byte 5)"));
}

TEST(EncryptedName, ParsesKernelsNames) {
    const auto name = parse_encrypted_name(kVector);
    ASSERT_THAT(name, Succeeds());
    EXPECT_EQ(name->signature.text(), "21e72551a9779b93");
    EXPECT_EQ(name->cipher_code, 9);
    EXPECT_EQ(name->encrypted.size(), 32U);
    EXPECT_EQ(encode_encrypted_name(*name), kVector);
    EXPECT_EQ(encode_encrypted_name(parse_encrypted_name(kLongVector).value()), kLongVector);
}

struct MalformedName {
    std::string name;
    std::string_view problem;
};

TEST(EncryptedName, BadNameIsRefusedWithReasonAndByte) {
    const std::string sig = "21e72551a9779b93";
    const std::string block(32, '7');
    for (const auto& [name, problem] : std::to_array<MalformedName>({
             {"plain.txt", "encrypted name: it does not begin as one (byte 0)"},
             {"ECRYPTFS_FEK_ENCRYPTED.FWYV", "it does not begin as one"},
             {std::string(kEncryptedNamePrefix),
              "encrypted name: tag needs 1 bytes, 0 are left (byte 0)"},
             {std::string(kEncryptedNamePrefix) + "FWYVt",
              "5 characters, which is not a multiple of 4"},
             {with_packet("47 19" + sig + "07" + block), "tag 0x47 instead of 0x46 (byte 0)"},
             {with_packet("46 09" + sig + "07"),
              "Tag 70 packet of 9 bytes, where 10 to 8383 are expected (byte 1)"},
             {with_packet("46 1a" + sig + "07" + block),
              "length field says 26 bytes, 25 follow (byte 1)"},
             {with_packet("46 19" + sig + "07" + block + "000000"),
              "something follows the packet (byte 27)"},
             {with_packet("46 18" + sig + "07" + std::string(30, '7') + "01"),
              "something follows the packet (byte 26)"},
             {with_packet("46 19" + sig + "06" + block), "unknown cipher 0x06 (byte 10)"},
             {with_packet("46 18" + sig + "07" + std::string(30, '7') + "00"),
              "15 encrypted bytes, which are not whole blocks of 16 (byte 11)"},
         })) {
        EXPECT_THAT(parse_encrypted_name(name), FailsWith(ErrorCode::kMalformed, problem)) << name;
    }
}

std::string without_stem(std::string_view name) {
    return std::string(name.substr(kEncryptedNamePrefix.size() - 1));
}

TEST(LowerName, TextAddedByToolsIsSplitOff) {
    const std::string stem = "ECRYPTFS_FNEK_ENCRYPTED";
    for (const auto& name : {std::string(kVector), std::string(kLongVector)}) {
        const auto expected = encode_encrypted_name(parse_encrypted_name(name).value());
        const auto dot = name.rfind('.');
        for (const std::string added :
             {" (1)", " - Copy", " (conflicted copy 2024-01-01 101112)", " (Case Conflict)", "~",
              ".part", ".sync-conflict-20240101-120000-ABCDEFG", ".orig", "-HOST", " 2", "_1"}) {
            const auto front = name.substr(0, dot) + added + name.substr(dot);
            for (const auto& changed : {name + added, front, stem + added + without_stem(name)}) {
                const auto readings = read_lower_name(changed);
                EXPECT_TRUE(std::ranges::any_of(readings, [&](const auto& reading) {
                    return encode_encrypted_name(reading.name) == expected &&
                           reading.added == added;
                })) << changed;
            }
        }
    }
}

TEST(LowerName, SoundNameHasOneReading) {
    for (const auto name : {kVector, kLongVector}) {
        const auto readings = read_lower_name(name);
        ASSERT_EQ(readings.size(), 1U);
        EXPECT_EQ(readings.front().added, "");
        EXPECT_EQ(encode_encrypted_name(readings.front().name), name);
    }
}

TEST(LowerName, CutNameHasNoReading) {
    for (std::size_t size = 0; size < kVector.size(); ++size) {
        const std::string cut(kVector.substr(0, size));
        EXPECT_TRUE(read_lower_name(cut).empty()) << cut;
        EXPECT_TRUE(read_lower_name(cut + " (1)").empty()) << cut;
    }
    const std::string name(kVector);
    EXPECT_TRUE(read_lower_name("letter (1).txt").empty());
    EXPECT_TRUE(read_lower_name(name + "/letter").empty());
    EXPECT_TRUE(read_lower_name("Copy of " + name).empty());
    EXPECT_TRUE(read_lower_name("").empty());
}

TEST(EncryptedName, DecryptsWithItsPassphrase) {
    const auto key = fnek();
    EXPECT_EQ(decrypt_name(parse_encrypted_name(kVector).value(), key.key.view()).value(),
              "size-000001.bin");
    EXPECT_EQ(decrypt_name(parse_encrypted_name(kLongVector).value(), key.key.view()).value(),
              std::string(120, 'n') + ".txt");
}

// As the kernel would encrypt `letter.txt` by battery-staple, with a key of that size.
EncryptedName letter(std::uint8_t cipher_code, std::size_t key_size) {
    const auto key = fnek();
    // What the vectors' names have in front, which depends on the FNEK only.
    Bytes bytes = hex("e816252fe3b53e7c5059dbb3245e46055b2736bc2e 00 6c65747465722e747874");
    auto ecb = base::value_or_throw(
        BlockCipher::create(*wire::find_cipher(cipher_code), BlockCipher::Mode::kEcb,
                            BlockCipher::Direction::kEncrypt, key.key.view().first(key_size)));
    base::value_or_throw(ecb.run({}, bytes, bytes));
    return {key.signature, cipher_code, bytes};
}

TEST(EncryptedName, DecryptsWithEachKeySize) {
    constexpr std::uint8_t kCast5 = 3;
    constexpr std::uint8_t kBlowfish = 4;
    const auto key = fnek();
    for (const std::size_t size : {16U, 24U, 32U, 56U}) {
        EXPECT_EQ(decrypt_name(letter(kBlowfish, size), key.key.view()).value(), "letter.txt")
            << size;
    }
    EXPECT_EQ(decrypt_name(letter(kCast5, 16), key.key.view()).value(), "letter.txt");
    EXPECT_THAT(decrypt_name(letter(kBlowfish, 40), key.key.view()),
                FailsWith(ErrorCode::kDecryptFailed, "damaged"))
        << "which no mount has";
    EXPECT_THAT(decrypt_name(letter(kBlowfish, 56), key.key.view().first(32)),
                FailsWith(ErrorCode::kDecryptFailed, "damaged"));
}

TEST(NameCoder, SameNameGivesSameResult) {
    const auto key = fnek();
    for (const auto code : std::to_array<std::uint8_t>({7, 4})) {
        const NameCipher cipher{key.signature, wire::find_cipher(code), 16};
        const auto coder = base::value_or_throw(NameCoder::create(cipher, key.key.view()));
        for (std::size_t size = 1; size < 144; ++size) {
            const std::string plain(size, 'n');
            const auto encrypted = base::value_or_throw(coder.encrypt(plain));
            EXPECT_EQ(encrypted.encrypted,
                      base::value_or_throw(encrypt_name(plain, cipher, key.key.view())).encrypted);
            EXPECT_EQ(coder.decrypt(encrypted).value(), plain);
        }
    }
    const NameCipher other{key.signature, wire::find_cipher(7), 16};  // the vector's is AES-256
    const auto coder = base::value_or_throw(NameCoder::create(other, key.key.view()));
    EXPECT_THAT(coder.decrypt(parse_encrypted_name(kVector).value()),
                FailsWith(ErrorCode::kDecryptFailed, "damaged"));
    EXPECT_THAT(coder.decrypt(letter(4, 16)), FailsWith(ErrorCode::kDecryptFailed, "damaged"));
}

TEST(EncryptedName, WrongPassphraseIsRefused) {
    const auto key = fnek("another");
    EXPECT_THAT(decrypt_name(parse_encrypted_name(kVector).value(), key.key.view()),
                FailsWith(ErrorCode::kDecryptFailed, "another passphrase"));
}

TEST(EncryptedName, DamagedFirstBlockIsRefused) {
    const auto key = fnek();
    auto name = parse_encrypted_name(kVector).value();
    for (std::size_t i = 0; i < 16; ++i) {
        name.encrypted[i] ^= 1;
        EXPECT_THAT(decrypt_name(name, key.key.view()),
                    FailsWith(ErrorCode::kDecryptFailed, "damaged"))
            << i;
        name.encrypted[i] ^= 1;
    }
}

}  // namespace
}  // namespace ecryptfs::lower
