// SPDX-License-Identifier: Apache-2.0

#include "lib/lower/header.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/support.h"

namespace ecryptfs::lower {
namespace {

using base::ErrorCode;
using test::Bytes;
using test::copy;
using test::FailsWith;
using test::hex;
using test::read_file;
using test::Succeeds;

Bytes vector_header(const std::string& name) {
    return read_file(test::vectors() / (name + ".header"));
}

Header parsed(const Bytes& bytes) {
    auto header = parse_header(bytes);
    EXPECT_THAT(header, Succeeds());
    return header.value_or(Header{});
}

// Size 1, marker, version 3 and encrypted, 4096 × 2.
const std::string kFixed = "0000000000000001 756a3605 49eb81f0 03 000002 00001000 0002";
const std::string kTag3 = "8c1d 04 07 03 01 0011223344556677 60 c0f62fcc83c36de581b7e6f8efba0f85";
const std::string kTag11 = "ed16 62 08 5f434f4e534f4c45 00000000 9d59cdc2eaf8d95e";

TEST(LowerHeader, ReadsKernelsPassphrasePacket) {
    const Bytes bytes = vector_header("pass-aes16");
    const auto header = parsed(bytes);
    EXPECT_EQ(header.plain_size, 4097U);
    EXPECT_EQ(header.version, 3);
    EXPECT_EQ(header.flags, kEncrypted);
    EXPECT_EQ(header.size_at_front, 8192U);
    EXPECT_FALSE(header.damage);
    ASSERT_EQ(header.packets.size(), 1U);
    const auto& packet = header.packets.front();
    EXPECT_EQ(packet.kind, PacketKind::kPassphrase);
    EXPECT_EQ(packet.offset, 26U);
    EXPECT_EQ(packet.size, 31U + 24U);
    EXPECT_EQ(packet.signature_offset, 26U + 31U);
    EXPECT_EQ(packet.signature.text(), "9d59cdc2eaf8d95e");
    EXPECT_EQ(packet.cipher_code, 7);
    EXPECT_EQ(copy(packet.salt), hex("0011223344556677"));
    EXPECT_EQ(packet.encrypted_fek.size(), 16U);
}

TEST(LowerHeader, ReadsKernelsPublicKeyPacket) {
    const Bytes bytes = vector_header("rsa2048-aes16");
    const auto header = parsed(bytes);
    ASSERT_EQ(header.packets.size(), 1U);
    EXPECT_EQ(header.packets.front().kind, PacketKind::kPublicKey);
    EXPECT_EQ(header.packets.front().signature.text(), "fe3467554552491d");
    EXPECT_EQ(header.packets.front().encrypted_fek.size(), 256U);
    EXPECT_FALSE(header.damage);
}

TEST(LowerHeader, ReadsAllPackets) {
    const Bytes bytes = vector_header("rsa-plus-pass");
    const auto header = parsed(bytes);
    ASSERT_EQ(header.packets.size(), 2U);
    EXPECT_EQ(header.packets[0].kind, PacketKind::kPublicKey);
    EXPECT_EQ(header.packets[1].kind, PacketKind::kPassphrase);
    EXPECT_EQ(header.packets[1].signature.text(), "4effbc23256b813d");
    EXPECT_EQ(header.packets[1].offset, 26U + header.packets[0].size);
}

TEST(LowerHeader, ShowsThatNamesAreEncrypted) {
    const auto header = parsed(vector_header("pass-aes32-fnek"));
    EXPECT_EQ(header.flags, kEncrypted | kEncryptsNames);
}

TEST(LowerHeader, VersionZeroHasFixedSize) {
    const Bytes bytes = hex("0000000000000001 756a3605 49eb81f0 00 000002" + kTag3 + kTag11);
    const auto header = parsed(bytes);
    EXPECT_EQ(header.size_at_front, 8192U);
    ASSERT_EQ(header.packets.size(), 1U);
    EXPECT_EQ(header.packets.front().offset, 20U);
}

TEST(LowerHeader, AttributeNeedsNoSize) {
    const Bytes bytes =
        hex("0000000000000001 756a3605 49eb81f0 03 000006 00000000 0000" + kTag3 + kTag11);
    EXPECT_EQ(parsed(bytes).packets.size(), 1U);
}

struct MalformedHeader {
    std::string bytes;
    std::string_view problem;
};

TEST(LowerHeader, BadHeaderIsRefusedWithReasonAndByte) {
    for (const auto& [bytes, problem] : std::to_array<MalformedHeader>({
             {"", "header: no eCryptfs marker (byte 0)"},
             {"0000000000000001", "header: no eCryptfs marker (byte 8)"},
             {"0000000000000001 756a3605 49eb81f1 03000002 00001000 0002",
              "header: no eCryptfs marker (byte 8)"},
             {"0000000000000001 756a3605 49eb81f0 0300",
              "header: version and flags needs 4 bytes, 2 are left (byte 16)"},
             {"8000000000000000 756a3605 49eb81f0 03000002 00001000 0002",
              "header: a size of 9223372036854775808 bytes, which no file can have (byte 0)"},
             {"0000000000000001 756a3605 49eb81f0 04000002 00001000 0002",
              "header: version 4, where at most 3 is known (byte 16)"},
             {"0000000000000001 756a3605 49eb81f0 03000002 00001000",
              "header: number of header extents needs 2 bytes, 0 are left (byte 24)"},
             {"0000000000000001 756a3605 49eb81f0 03000002 00001000 0001",
              "header: a header of 4096 bytes, where at least 8192 are expected (byte 20)"},
         })) {
        EXPECT_THAT(parse_header(hex(bytes)), FailsWith(ErrorCode::kMalformed, problem)) << bytes;
    }
}

TEST(LowerHeader, KeepsPacketsBeforeDamagedOne) {
    const std::string sig = "fe3467554552491d";
    for (const auto& [packets, problem] : std::to_array<MalformedHeader>({
             {"ff", "header: no packet begins with 0xff (byte 81)"},
             {"01", "header: length field is missing (byte 82)"},
             {"01 0a 03" + sig + "01",
              "Tag 1 packet of 10 bytes, where 11 to 522 are expected (byte 82)"},
             {"01 0b 04" + sig + "01 ff", "Tag 1 packet version 0x04 instead of 0x03 (byte 83)"},
             {"01 0b 03" + sig + "02 ff", "Tag 1 packet algorithm 0x02 instead of 0x01 (byte 92)"},
             {"01 0c 03" + sig + "01 ff", "length field says 12 bytes, 11 follow (byte 82)"},
             {"8c 0d", "Tag 3 packet of 13 bytes, where 14 to 77 are expected (byte 82)"},
             {"8c 0e 05 07 03 01 0011223344556677 60 ff",
              "Tag 3 packet version 0x05 instead of 0x04 (byte 83)"},
             {"8c 0e 04 07 02 01 0011223344556677 60 ff", "Tag 3 packet S2K specifier 0x02"},
             {"8c 0e 04 07 03 02 0011223344556677 60 ff", "Tag 3 packet hash 0x02"},
             {"8c 0e 04 01 03 01 0011223344556677 60 ff",
              "Tag 3 packet of an unknown cipher 0x01 (byte 84)"},
             {kTag3, "header: Tag 11 packet needs 1 bytes, 0 are left (byte 112)"},
             {kTag3 + "00", "no Tag 11 packet behind the Tag 3 packet, but 0x00 (byte 112)"},
             {kTag3 + "ed 15", "Tag 11 packet of 21 bytes, where 22 are expected (byte 113)"},
             {kTag3 + "ed16 61 08 5f434f4e534f4c45 00000000" + sig,
              "Tag 11 packet format 0x61 instead of 0x62 (byte 114)"},
             {kTag3 + "ed16 62 07 5f434f4e534f4c45 00000000" + sig,
              "Tag 11 packet name's size 0x07 instead of 0x08 (byte 115)"},
             {kTag11, "header: no packet begins with 0xed (byte 81)"},
         })) {
        const Bytes bytes = hex(kFixed + kTag3 + kTag11 + packets);
        const auto header = parsed(bytes);
        EXPECT_EQ(header.packets.size(), 1U) << packets;
        ASSERT_FALSE(header.damaged_packets.empty()) << packets;
        EXPECT_EQ(header.damaged_packets.front().offset, 81U);
        ASSERT_TRUE(header.damage) << packets;
        EXPECT_EQ(header.damage->code, ErrorCode::kMalformed);
        EXPECT_THAT(header.damage->message, testing::HasSubstr(problem));
    }
}

const std::string kRecoverySignature = "4effbc23256b813d";
const std::string kRecovery = kTag3 + "ed16 62 08 5f434f4e534f4c45 00000000" + kRecoverySignature;

// A Tag 1 packet of a modulus of `bytes`, which says that it has `more`.
std::string overlong_packet(std::size_t bytes, std::size_t more) {
    const std::size_t length = 10 + bytes + more;
    const auto text =
        length < 192 ? fmt::format("{:02x}", length) : fmt::format("{:04x}", 0xc000 + length - 192);
    std::string fek;
    for (std::size_t i = 0; i < bytes; ++i) {
        fek += "5a";
    }
    return "01" + text + "03 9d59cdc2eaf8d95e 01" + fek;
}

// Its length is one that such a packet may have.
TEST(LowerHeader, KeepsPacketsAfterOverlongOne) {
    const auto size = hex(kRecovery).size();
    for (const std::size_t more : {std::size_t{1}, std::size_t{8}, size - 1, size, 2 * size}) {
        const auto damaged = overlong_packet(128, more);
        const Bytes bytes = hex(kFixed + damaged + kRecovery + kRecovery + "0000");
        const auto header = parsed(bytes);
        EXPECT_EQ(header.packets.size(), 2U) << more;
        ASSERT_EQ(header.damaged_packets.size(), 1U) << more;
        const auto& packet = header.damaged_packets.front();
        EXPECT_EQ(packet.size, hex(damaged).size()) << more;
        ASSERT_TRUE(packet.signature) << more;
        EXPECT_EQ(packet.signature->text(), "9d59cdc2eaf8d95e");
        EXPECT_THAT(packet.error.message, testing::HasSubstr("reaches over the packet behind it"));
    }
    const Bytes sound = hex(kFixed + overlong_packet(128, 0) + kRecovery + "0000");
    EXPECT_EQ(parsed(sound).packets.size(), 2U);
    EXPECT_FALSE(parsed(sound).damage);
}

struct DamageInFront {
    std::string packet;
    std::string signature;  // that can still be read; empty: none
};

TEST(LowerHeader, KeepsPacketsAfterDamagedOne) {
    const std::string literal = "ed16 62 08 5f434f4e534f4c45 00000000 9d59cdc2eaf8d95e";
    const std::string salt = "0011223344556677 60 c0f62fcc83c36de581b7e6f8efba0f85";
    const std::string sig = "9d59cdc2eaf8d95e";
    for (const auto& [packet, signature] : std::to_array<DamageInFront>({
             {"8c1d 04 47 03 01" + salt + literal, sig},  // cipher
             {"8c1d 05 07 03 01" + salt + literal, sig},  // version
             {"8c1d 04 07 02 01" + salt + literal, sig},  // S2K specifier
             {"8c1d 04 07 03 02" + salt + literal, sig},  // hash
             {kTag3 + "ed16 61 08 5f434f4e534f4c45 00000000" + sig, sig},
             {kTag3 + "ed16 62 09 5f434f4e534f4c45 00000000" + sig, sig},
             {kTag3 + "ee16 62 08 5f434f4e534f4c45 00000000" + sig, ""},
             {kTag3 + "ed15 62 08 5f434f4e534f4c45 00000000" + sig, ""},
             {kTag3, ""},
             {literal, ""},
             {"9c1d 04 07 03 01" + salt + literal, sig},
             {"001d 04 07 03 01" + salt + literal, ""},
             {"ff 03 010203", ""},
             {"ff 00", ""},
             {"01 0b 04" + sig + "01 ff", sig},
             {"01 0b 03" + sig + "02 ff", sig},
             {"01 0a 03" + sig + "01", sig},
             {"01 00", ""},
             // Lengths that cannot be right
             {"8c1c 04 07 03 01" + salt + literal, ""},
             {"8c1e 04 07 03 01" + salt + literal, ""},
             {"8c9d 04 07 03 01" + salt + literal, ""},
             {"8cff 04 07 03 01" + salt + literal, ""},
             {"01 0c 03" + sig + "02 ff", sig},
         })) {
        const Bytes bytes = hex(kFixed + packet + kRecovery + "0000");
        const auto header = parsed(bytes);
        ASSERT_EQ(header.packets.size(), 1U) << packet;
        EXPECT_EQ(header.packets.front().signature.text(), kRecoverySignature) << packet;
        EXPECT_EQ(header.packets.front().offset, 26 + hex(packet).size()) << packet;
        ASSERT_FALSE(header.damaged_packets.empty()) << packet;
        const auto& damaged = header.damaged_packets.front();
        EXPECT_EQ(damaged.offset, 26U);
        EXPECT_EQ(damaged.tag, bytes[26]);
        EXPECT_EQ(damaged.signature ? damaged.signature->text() : "", signature) << packet;
        ASSERT_TRUE(header.damage);
        EXPECT_EQ(header.damage->message, damaged.error.message);
    }
}

TEST(LowerHeader, DamagedPacketsHaveTheirSize) {
    const Bytes bytes =
        hex(kFixed + "ff 02 0102" + kTag3 + kTag11 + "01 00" + kRecovery + "fe 01 00");
    const auto header = parsed(bytes);
    EXPECT_EQ(header.packets.size(), 2U);
    ASSERT_EQ(header.damaged_packets.size(), 3U);
    EXPECT_EQ(header.damaged_packets[0].size, 4U);
    EXPECT_EQ(header.damaged_packets[1].offset, 26U + 4 + 55);
    EXPECT_EQ(header.damaged_packets[1].size, 2U);
    EXPECT_EQ(header.damaged_packets[2].size, 3U);
    EXPECT_EQ(header.damage->message, "header: no packet begins with 0xff (byte 26)");
}

TEST(LowerHeader, LimitsNumberOfPackets) {
    std::string packets;
    for (std::size_t i = 0; i < kMaxKeyPackets; ++i) {
        packets += "fe 00";
    }
    const Bytes bytes = hex(kFixed + packets + kRecovery);
    const auto header = parsed(bytes);
    EXPECT_TRUE(header.packets.empty());
    EXPECT_EQ(header.damaged_packets.size(), kMaxKeyPackets);
}

TEST(LowerHeader, MissingPacketIsDamage) {
    for (const std::string rest : {"", "00", "0000"}) {
        const auto header = parsed(hex(kFixed + rest));
        EXPECT_TRUE(header.packets.empty());
        ASSERT_TRUE(header.damage);
        EXPECT_EQ(header.damage->message, "header: no packet with a file key (byte 26)");
    }
}

TEST(LowerHeader, ReadsOnlyFirst4096Bytes) {
    Bytes bytes = hex(kFixed);
    bytes.resize(4096 + 200, 0x01);
    bytes[26] = 0;
    EXPECT_TRUE(parsed(bytes).packets.empty());
    EXPECT_THAT(parse_header(bytes), Succeeds());
}

}  // namespace
}  // namespace ecryptfs::lower
