// SPDX-License-Identifier: Apache-2.0
//
// The writing half: what the kernel wrote is read, written again, and compared byte by byte.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "lib/lower/encrypted_name.h"
#include "lib/lower/extent_cipher.h"
#include "lib/lower/extent_offsets.h"
#include "lib/lower/file_key.h"
#include "lib/lower/header_writer.h"
#include "lib/lower/name_key.h"
#include "lib/lower/passphrase.h"
#include "lib/lowerfs/content_reader.h"
#include "tests/unit/lowerfs/support.h"

namespace ecryptfs::lower {
namespace {

namespace fs = std::filesystem;
using base::as_bytes;
using base::ErrorCode;
using base::value_or_throw;
using test::Bytes;
using test::copy;
using test::FailsWith;
using test::hex;
using test::pattern;
using test::read_file;
using test::Succeeds;
using wire::KeySignature;

// Those that OpenSSL has.
constexpr auto kOpensslCiphers = std::to_array<std::uint8_t>({2, 3, 4, 7, 8, 9});

struct WrittenVector {
    std::string name;
    std::string_view passphrase;
    std::size_t key_size;  // of contents and names
};

const std::vector<WrittenVector>& vectors() {
    static const std::vector<WrittenVector> all = {
        {"pass-aes16", "correct-horse", 16},      {"pass-aes32-fnek", "battery-staple", 32},
        {"aes24-fnek", "correct-horse", 24},      {"des3-fnek", "correct-horse", 24},
        {"blowfish16-fnek", "correct-horse", 16}, {"blowfish56", "correct-horse", 56},
        {"cast5-fnek", "correct-horse", 16},      {"aes16-xattr", "correct-horse", 16}};
    return all;
}

// Calls `check` for everything in a vector's lower folder.
void for_each_entry(const WrittenVector& vector,
                    const std::function<void(const fs::directory_entry&)>& check) {
    const test::TemporaryFolder folder;
    test::unpack_vector(vector.name + ".lower", folder.path());
    std::size_t entries = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder.path())) {
        ++entries;
        check(entry);
    }
    EXPECT_GT(entries, 5U) << vector.name;
}

// The headers that can be made of a header that was read.
NewHeader copy_of(const Header& header, base::ByteView bytes, std::vector<NewKeyPacket>& packets) {
    for (const auto& packet : header.packets) {
        if (packet.kind == PacketKind::kPublicKey) {
            packets.emplace_back(NewPublicKeyPacket{packet.signature, packet.encrypted_fek});
            continue;
        }
        NewPassphrasePacket made{packet.signature, packet.cipher_code, packet.encrypted_fek};
        std::ranges::copy(packet.salt, made.salt.begin());
        packets.emplace_back(made);
    }
    base::ByteReader reader(bytes.subspan(8));
    return {header.plain_size, reader.take_big_endian<std::uint32_t>().value(), header.flags,
            header.size_at_front, packets};
}

TEST(HeaderWriter, EqualsKernelsHeaders) {
    for (const auto* name : {"pass-aes16", "pass-aes32-fnek", "rsa1024-aes16", "rsa2048-aes16",
                             "rsa2048p8-aes32", "rsa-plus-pass"}) {
        const auto bytes = read_file(test::vectors() / (std::string(name) + ".header"));
        const auto header = value_or_throw(parse_header(bytes));
        std::vector<NewKeyPacket> packets;
        auto written = value_or_throw(encode_header(copy_of(header, bytes, packets)));
        EXPECT_EQ(written.size(), header.packets.back().offset + header.packets.back().size);
        written.resize(bytes.size());
        EXPECT_EQ(written, bytes) << name;
    }
}

TEST(HeaderWriter, WritesLargerFrontsAndSizes) {
    const auto fek = pattern(16);
    const std::vector<NewKeyPacket> packets = {NewPassphrasePacket{
        value_or_throw(KeySignature::from_text("9d59cdc2eaf8d95e")), 7, fek, kDefaultSalt}};
    const auto bytes = value_or_throw(encode_header(
        {std::numeric_limits<std::int64_t>::max(), 0xffffffff, kEncrypted, 65536, packets}));
    const auto header = value_or_throw(parse_header(bytes));
    EXPECT_EQ(header.plain_size, std::uint64_t{std::numeric_limits<std::int64_t>::max()});
    EXPECT_EQ(header.size_at_front, 65536U);
    EXPECT_FALSE(header.damage);
    const auto size = encode_plain_size(header.plain_size);
    EXPECT_TRUE(std::ranges::equal(size, base::ByteView(bytes).first(8)));
}

TEST(HeaderWriter, RefusesWhatNoReaderAccepts) {
    const auto fek = pattern(512);
    const auto signature = value_or_throw(KeySignature::from_text("fe3467554552491d"));
    const auto header_of = [&](std::size_t count, std::size_t fek_size) {
        const std::vector<NewKeyPacket> packets(
            count, NewPublicKeyPacket{signature, base::ByteView(fek).first(fek_size)});
        return encode_header({1, 1, kEncrypted, kLeastSizeAtFront, packets});
    };
    ASSERT_THAT(header_of(1, 512), Succeeds());
    // 4,096 bytes: 26, and 7 packets of 1 + 2 + 10 + 512 bytes.
    const auto most = header_of(7, 512);
    ASSERT_THAT(most, Succeeds());
    EXPECT_EQ(value_or_throw(parse_header(*most)).packets.size(), 7U);
    EXPECT_THAT(header_of(8, 512), FailsWith(ErrorCode::kInvalidArgument, "8 keys"));
    EXPECT_THAT(header_of(0, 512), FailsWith(ErrorCode::kInvalidArgument, "0 keys"));
    EXPECT_THAT(header_of(1, 0), FailsWith(ErrorCode::kInvalidArgument, "of a size"));
    const std::vector<NewKeyPacket> packet = {NewPublicKeyPacket{signature, fek}};
    EXPECT_THAT(encode_header({1, 1, kEncrypted, 4096, packet}),
                FailsWith(ErrorCode::kInvalidArgument, "a header of 4096 bytes"));
    EXPECT_THAT(encode_header({1, 1, kEncrypted, 8193, packet}),
                FailsWith(ErrorCode::kInvalidArgument, "a header of 8193 bytes"));
    EXPECT_THAT(encode_header({std::uint64_t{1} << 63, 1, kEncrypted, 8192, packet}),
                FailsWith(ErrorCode::kInvalidArgument, "a size of"));
}

// A whole lower file, made again from its marker, FEK and contents.
Bytes written_again(const lowerfs::LowerFile& file, base::ByteView fekek) {
    const auto& header = file.header.value();
    const auto key = value_or_throw(file_key_from_packet(header.packets.front(), fekek));
    auto reader = value_or_throw(lowerfs::ContentReader::create(file, key, header.plain_size));
    Bytes contents(encrypted_size(header.plain_size));
    EXPECT_EQ(value_or_throw(reader.read(0, base::ByteSpan(contents).first(reader.size()))).size,
              header.plain_size);
    std::fill(contents.begin() + static_cast<std::ptrdiff_t>(header.plain_size), contents.end(),
              std::uint8_t{0});
    auto cipher = value_or_throw(ExtentCipher::create(key));
    EXPECT_THAT(cipher.encrypt(0, contents), Succeeds());

    std::vector<NewKeyPacket> packets;
    const auto parts = copy_of(header, file.header_bytes, packets);
    const auto fek = value_or_throw(encrypt_file_key(key, fekek));
    std::get<NewPassphrasePacket>(packets.front()).encrypted_fek = fek;
    auto bytes = value_or_throw(encode_header(parts));
    if (!file.header_in_attribute) {
        bytes.resize(header.size_at_front);
    }
    bytes.insert(bytes.end(), contents.begin(), contents.end());
    return bytes;
}

TEST(LowerFile, EqualsWhatTheKernelWrote) {
    for (const auto& vector : lower::vectors()) {
        const auto fekek =
            value_or_throw(derive_passphrase_key(as_bytes(vector.passphrase), kDefaultSalt));
        std::size_t in_attributes = 0;
        for_each_entry(vector, [&](const fs::directory_entry& entry) {
            if (entry.is_symlink() || !entry.is_regular_file() || entry.file_size() == 0) {
                return;
            }
            const auto file = test::open_lower(entry.path());
            in_attributes += file.header_in_attribute ? 1 : 0;
            auto expected = file.header_in_attribute ? file.header_bytes : Bytes();
            const auto content = read_file(entry.path());
            expected.insert(expected.end(), content.begin(), content.end());
            EXPECT_EQ(written_again(file, fekek.key.view()), expected)
                << vector.name << " " << entry.path();
        });
        EXPECT_EQ(in_attributes > 0, vector.name == "aes16-xattr") << vector.name;
    }
}

TEST(LowerName, EqualsWhatTheKernelWrote) {
    for (const auto& vector : lower::vectors()) {
        const auto fnek =
            value_or_throw(derive_passphrase_key(as_bytes(vector.passphrase), kNameSalt));
        std::size_t names = 0;
        const auto check = [&](const std::string& text) {
            const auto name = value_or_throw(parse_encrypted_name(text));
            const auto plain = value_or_throw(decrypt_name(name, fnek.key.view()));
            const NameCipher cipher{fnek.signature, wire::find_cipher(name.cipher_code),
                                    vector.key_size};
            const auto again = value_or_throw(encrypt_name(plain, cipher, fnek.key.view()));
            EXPECT_EQ(encode_encrypted_name(again), text) << vector.name << " " << plain;
            ++names;
        };
        for_each_entry(vector, [&](const fs::directory_entry& entry) {
            const auto name = entry.path().filename().string();
            if (is_encrypted_name(name)) {
                check(name);
            }
            if (entry.is_symlink() && is_encrypted_name(fs::read_symlink(entry.path()).string())) {
                check(fs::read_symlink(entry.path()));
            }
        });
        EXPECT_EQ(names > 5, vector.name.ends_with("-fnek")) << vector.name;
    }
}

TEST(LowerName, EachLengthRoundTrips) {
    const auto fnek = value_or_throw(derive_passphrase_key(as_bytes("names"), kNameSalt));
    for (const auto code : kOpensslCiphers) {
        const auto* cipher = wire::find_cipher(code);
        const auto key_size = cipher->largest_key;
        for (std::size_t size = 1; size <= 300; ++size) {
            const std::string plain(size, 'n');
            const auto name = value_or_throw(
                encrypt_name(plain, {fnek.signature, cipher, key_size}, fnek.key.view()));
            EXPECT_EQ(name.encrypted.size() % cipher->block_size, 0U);
            const auto read = value_or_throw(parse_encrypted_name(encode_encrypted_name(name)));
            EXPECT_EQ(value_or_throw(decrypt_name(read, fnek.key.view())), plain);
        }
    }
}

TEST(LowerName, LowerNameFitsUpTo143PlainBytes) {
    const auto fnek = value_or_throw(derive_passphrase_key(as_bytes("names"), kNameSalt));
    const NameCipher cipher{fnek.signature, wire::find_cipher(7), 16};
    const auto size_of = [&](std::size_t size) {
        return encode_encrypted_name(
                   value_or_throw(encrypt_name(std::string(size, 'n'), cipher, fnek.key.view())))
            .size();
    };
    EXPECT_LE(size_of(143), 255U);
    EXPECT_GT(size_of(144), 255U);
}

TEST(LowerName, RefusesImpossibleNames) {
    const auto fnek = value_or_throw(derive_passphrase_key(as_bytes("names"), kNameSalt));
    const NameCipher cipher{fnek.signature, wire::find_cipher(7), 16};
    for (const auto& plain : {std::string(), std::string("a\0b", 3), std::string(8193, 'n')}) {
        EXPECT_THAT(encrypt_name(plain, cipher, fnek.key.view()),
                    FailsWith(ErrorCode::kInvalidArgument, "not a name"));
    }
    EXPECT_THAT(encrypt_name(std::string(8192, 'n'), cipher, fnek.key.view()), Succeeds());
}

TEST(NewFileKey, BothPacketsRoundTrip) {
    const auto fekek = value_or_throw(derive_passphrase_key(as_bytes("a"), kDefaultSalt));
    for (const auto& cipher : wire::ciphers()) {
        if (cipher.name == "twofish" || cipher.name == "cast6") {
            continue;  // OpenSSL has neither
        }
        for (const auto size : {cipher.largest_key, std::size_t{16}}) {
            if (!cipher.takes_key(size)) {
                continue;
            }
            const auto key = value_or_throw(make_file_key(cipher, size));
            const auto for_public_key = value_or_throw(file_key_to_encrypt(key));
            const auto decrypted = value_or_throw(file_key_from_decrypted(for_public_key.view()));
            EXPECT_EQ(copy(decrypted.fek.view()), copy(key.fek.view()));
            EXPECT_EQ(decrypted.cipher, &cipher);
            const auto encrypted = value_or_throw(encrypt_file_key(key, fekek.key.view()));
            KeyPacket packet{.kind = PacketKind::kPassphrase, .signature = fekek.signature};
            packet.cipher_code = cipher.code;
            packet.encrypted_fek = encrypted;
            const auto opened = value_or_throw(file_key_from_packet(packet, fekek.key.view()));
            EXPECT_EQ(copy(opened.fek.view()), copy(key.fek.view()));
        }
    }
}

TEST(NewFileKey, IsRandomAndOfCiphersSize) {
    const auto& aes = *wire::find_cipher(7);
    EXPECT_NE(copy(value_or_throw(make_file_key(aes, 16)).fek.view()),
              copy(value_or_throw(make_file_key(aes, 16)).fek.view()));
    EXPECT_THAT(make_file_key(aes, 32), FailsWith(ErrorCode::kInvalidArgument, "32 bytes"));
    // A reader would take the whole block for the key.
    const auto odd = value_or_throw(make_file_key(*wire::find_cipher(3), 5));
    EXPECT_THAT(encrypt_file_key(odd, pattern(64)),
                FailsWith(ErrorCode::kInvalidArgument, "5 bytes"));
}

TEST(ExtentCipher, EncryptedExtentsDecryptBack) {
    for (const auto code : kOpensslCiphers) {
        const auto* cipher = wire::find_cipher(code);
        auto extents = value_or_throw(
            ExtentCipher::create(value_or_throw(make_file_key(*cipher, cipher->largest_key))));
        const auto plain = pattern(3 * kExtentSize);
        auto bytes = plain;
        ASSERT_THAT(extents.encrypt(41, bytes), Succeeds());
        EXPECT_NE(bytes, plain);
        EXPECT_NE(Bytes(bytes.begin(), bytes.begin() + 16),
                  Bytes(bytes.begin() + kExtentSize, bytes.begin() + kExtentSize + 16));
        ASSERT_THAT(extents.decrypt(42, base::ByteSpan(bytes).subspan(kExtentSize)), Succeeds());
        ASSERT_THAT(extents.decrypt(41, base::ByteSpan(bytes).first(kExtentSize)), Succeeds());
        EXPECT_EQ(bytes, plain);
    }
}

}  // namespace
}  // namespace ecryptfs::lower
