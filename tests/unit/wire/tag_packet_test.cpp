// SPDX-License-Identifier: Apache-2.0

#include "lib/wire/tag_packet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "lib/wire/device_frame.h"
#include "tests/unit/support.h"

namespace ecryptfs::wire {
namespace {

using base::ErrorCode;
using base::FileKeyOperation;
using test::Bytes;
using test::copy;
using test::FailsWith;
using test::hex;
using test::pattern;
using test::Succeeds;

KeySignature some_signature() {
    return KeySignature::from_bytes(
        std::array<std::uint8_t, 8>{0xfe, 0x34, 0x67, 0x55, 0x45, 0x52, 0x49, 0x1d});
}

// "fe3467554552491d" as bytes.
constexpr auto* kSignatureHex = "66653334363735353435353234393164";

struct Sizes {
    FileKeyOperation operation;
    std::size_t smallest;
    std::size_t largest;
};
constexpr auto kRequests = std::to_array<Sizes>(
    {{FileKeyOperation::kDecrypt, 1, 512}, {FileKeyOperation::kEncrypt, 4, 67}});
constexpr auto kReplies = std::to_array<Sizes>(
    {{FileKeyOperation::kDecrypt, 4, 67}, {FileKeyOperation::kEncrypt, 1, 512}});

TEST(RequestPacket, EachSizeRoundTrips) {
    for (const auto& [operation, smallest, largest] : kRequests) {
        for (std::size_t size = smallest; size <= largest; ++size) {
            const Bytes data = pattern(size);
            Bytes buffer(kMaxRequestFrame);
            const auto packet = encode_request_packet({operation, some_signature(), data}, buffer);
            ASSERT_THAT(packet, Succeeds()) << size;
            const auto parsed = parse_request_packet(*packet);
            ASSERT_THAT(parsed, Succeeds()) << size;
            EXPECT_EQ(parsed->operation, operation);
            EXPECT_EQ(parsed->signature, some_signature());
            EXPECT_EQ(copy(parsed->data), data);
        }
    }
}

TEST(RequestPacket, LayoutIsTheKernels) {
    // keystore.c: write_tag_64_packet, write_tag_66_packet
    const Bytes data = hex("07 000102030405060708090a0b0c0d0e0f 0078");
    Bytes buffer(kMaxRequestFrame);
    const auto encrypt =
        encode_request_packet({FileKeyOperation::kEncrypt, some_signature(), data}, buffer);
    ASSERT_THAT(encrypt, Succeeds());
    EXPECT_EQ(copy(*encrypt),
              hex("42 10" + std::string(kSignatureHex) + "13" + base::to_hex(data)));

    const auto decrypt =
        encode_request_packet({FileKeyOperation::kDecrypt, some_signature(), pattern(256)}, buffer);
    ASSERT_THAT(decrypt, Succeeds());
    EXPECT_EQ(copy(*decrypt),
              hex("40 10" + std::string(kSignatureHex) + "c040" + base::to_hex(pattern(256))));
}

TEST(RequestPacket, LargestFitsADeviceFrame) {
    Bytes packet(kMaxRequestFrame);
    const Bytes data = pattern(kMaxEncryptedFek);
    const auto encoded =
        encode_request_packet({FileKeyOperation::kDecrypt, some_signature(), data}, packet);
    ASSERT_THAT(encoded, Succeeds());
    Bytes frame(kMaxRequestFrame);
    EXPECT_THAT(encode_frame({.type = FrameType::kRequest, .packet = *encoded}, frame), Succeeds());
}

struct Malformed {
    std::string bytes;
    std::string_view problem;
};

TEST(RequestPacket, BadPacketIsRefusedWithReasonAndByte) {
    const std::string sig = kSignatureHex;
    for (const auto& [bytes, problem] : std::to_array<Malformed>({
             {"", "request packet: tag needs 1 bytes, 0 are left (byte 0)"},
             {"41 10" + sig + "0100", "request packet: tag 0x41 instead of 0x40 or 0x42 (byte 0)"},
             {"40", "request packet: length field is missing (byte 1)"},
             {"40 0f" + sig, "signature of 15 bytes, where 16 are expected (byte 1)"},
             {"40 11" + sig + "00", "signature of 17 bytes, where 16 are expected (byte 1)"},
             {"40 10 6665", "length field says 16 bytes, 2 follow (byte 1)"},
             {"40 10 46653334363735353435353234393164 0100",
              "character 0 of the key signature is no lower-case hexadecimal digit (byte 2)"},
             {"40 10 66653334363735353435353234393100 0100", "character 15 of the key signature"},
             {"40 10" + sig, "request packet: length field is missing (byte 18)"},
             {"40 10" + sig + "00",
              "encrypted file key of 0 bytes, where 1 to 512 are expected (byte 18)"},
             {"40 10" + sig + "c141 00",
              "encrypted file key of 513 bytes, where 1 to 512 are expected (byte 18)"},
             {"40 10" + sig + "ff", "length field begins with 0xff"},
             {"40 10" + sig + "02 00", "length field says 2 bytes, 1 follow (byte 18)"},
             {"40 10" + sig + "01 0000", "request packet: 1 bytes too many (byte 20)"},
             {"42 10" + sig + "03 000000",
              "file key of 3 bytes, where 4 to 67 are expected (byte 18)"},
             {"42 10" + sig + "44 00",
              "file key of 68 bytes, where 4 to 67 are expected (byte 18)"},
         })) {
        EXPECT_THAT(parse_request_packet(hex(bytes)), FailsWith(ErrorCode::kMalformed, problem))
            << bytes;
    }
}

TEST(RequestPacket, UnreadableDataIsNotEncoded) {
    Bytes buffer(1000);
    for (const auto& [operation, smallest, largest] : kRequests) {
        for (const std::size_t size : {smallest - 1, largest + 1}) {
            const Bytes data(size);
            EXPECT_THAT(encode_request_packet({operation, some_signature(), data}, buffer),
                        FailsWith(ErrorCode::kMalformed, "are expected"));
        }
    }
}

TEST(RequestPacket, TooSmallBufferIsRefused) {
    const Bytes data = pattern(10);
    for (std::size_t size = 0; size < 1 + 1 + 16 + 1 + 10; ++size) {
        Bytes buffer(size);
        EXPECT_THAT(
            encode_request_packet({FileKeyOperation::kDecrypt, some_signature(), data}, buffer),
            FailsWith(ErrorCode::kMalformed, "does not fit into the buffer"));
    }
}

TEST(ReplyPacket, EachSizeRoundTrips) {
    for (const auto& [operation, smallest, largest] : kReplies) {
        for (std::size_t size = smallest; size <= largest; ++size) {
            const Bytes data = pattern(size);
            Bytes buffer(kMaxResponseFrame);
            const auto packet = encode_reply_packet({operation, 0, data}, buffer);
            ASSERT_THAT(packet, Succeeds()) << size;
            const auto parsed = parse_reply_packet(*packet);
            ASSERT_THAT(parsed, Succeeds()) << size;
            EXPECT_EQ(parsed->operation, operation);
            EXPECT_EQ(parsed->status, 0);
            EXPECT_EQ(copy(parsed->data), data);
        }
    }
}

TEST(ReplyPacket, EachFailureRoundTrips) {
    for (const auto operation : {FileKeyOperation::kDecrypt, FileKeyOperation::kEncrypt}) {
        for (unsigned status = 1; status < 256; ++status) {
            Bytes buffer(4);
            const auto packet =
                encode_reply_packet({operation, static_cast<std::uint8_t>(status), {}}, buffer);
            ASSERT_THAT(packet, Succeeds());
            // keystore.c: parse_tag_65_packet reads no status from less.
            EXPECT_EQ(packet->size(), 4U);
            const auto parsed = parse_reply_packet(*packet);
            ASSERT_THAT(parsed, Succeeds());
            EXPECT_EQ(parsed->operation, operation);
            EXPECT_EQ(parsed->status, status);
            EXPECT_TRUE(parsed->data.empty());
        }
    }
}

TEST(ReplyPacket, LayoutIsTheKernels) {
    Bytes buffer(kMaxResponseFrame);
    const auto encrypted =
        encode_reply_packet({FileKeyOperation::kEncrypt, 0, pattern(192)}, buffer);
    ASSERT_THAT(encrypted, Succeeds());
    EXPECT_EQ(copy(*encrypted), hex("43 00 c000" + base::to_hex(pattern(192))));
    const auto decrypted =
        encode_reply_packet({FileKeyOperation::kDecrypt, 0, hex("07550055")}, buffer);
    ASSERT_THAT(decrypted, Succeeds());
    EXPECT_EQ(copy(*decrypted), hex("41 00 04 07550055"));
    const auto failed = encode_reply_packet({FileKeyOperation::kDecrypt, 22, {}}, buffer);
    ASSERT_THAT(failed, Succeeds());
    EXPECT_EQ(copy(*failed), hex("41 16 0000"));
}

TEST(ReplyPacket, LargestFitsADeviceFrame) {
    Bytes packet(kMaxResponseFrame);
    const auto encoded =
        encode_reply_packet({FileKeyOperation::kEncrypt, 0, pattern(kMaxEncryptedFek)}, packet);
    ASSERT_THAT(encoded, Succeeds());
    Bytes frame(kMaxResponseFrame);
    const auto whole = encode_frame({.type = FrameType::kResponse, .packet = *encoded}, frame);
    ASSERT_THAT(whole, Succeeds());
    EXPECT_EQ(whole->size(), kMaxResponseFrame);
}

TEST(ReplyPacket, BadPacketIsRefusedWithReasonAndByte) {
    for (const auto& [bytes, problem] : std::to_array<Malformed>({
             {"", "reply packet: tag needs 1 bytes, 0 are left (byte 0)"},
             {"40 00 0100", "reply packet: tag 0x40 instead of 0x41 or 0x43 (byte 0)"},
             {"41", "reply packet: status needs 1 bytes, 0 are left (byte 1)"},
             {"41 00", "reply packet: length field is missing (byte 2)"},
             {"41 00 03 000000", "file key of 3 bytes, where 4 to 67 are expected (byte 2)"},
             {"41 00 04 000000", "length field says 4 bytes, 3 follow (byte 2)"},
             {"41 00 04 00000000 00", "reply packet: 1 bytes too many (byte 7)"},
             {"43 00 00 00", "encrypted file key of 0 bytes, where 1 to 512 are expected (byte 2)"},
             {"43 00 c141 00", "encrypted file key of 513 bytes"},
             {"43 01", "reply packet: end of a failure needs 2 bytes, 0 are left (byte 2)"},
             {"43 01 00", "reply packet: end of a failure needs 2 bytes, 1 are left (byte 2)"},
             {"43 01 01 ff", "reply packet: a failure carries data (byte 2)"},
             {"43 01 00 00 00", "reply packet: 1 bytes too many (byte 4)"},
         })) {
        EXPECT_THAT(parse_reply_packet(hex(bytes)), FailsWith(ErrorCode::kMalformed, problem))
            << bytes;
    }
}

TEST(ReplyPacket, UnreadableDataIsNotEncoded) {
    Bytes buffer(1000);
    for (const auto& [operation, smallest, largest] : kReplies) {
        for (const std::size_t size : {smallest - 1, largest + 1}) {
            EXPECT_THAT(encode_reply_packet({operation, 0, Bytes(size)}, buffer),
                        FailsWith(ErrorCode::kMalformed, "are expected"));
        }
    }
}

TEST(ReplyPacket, FailureCarriesNoKey) {
    Bytes buffer(1000);
    EXPECT_THAT(encode_reply_packet({FileKeyOperation::kDecrypt, 1, pattern(19)}, buffer),
                FailsWith(ErrorCode::kMalformed, "a failure carries data"));
    EXPECT_EQ(std::ranges::count(buffer, 0), 1000 - 2);  // tag and status at the most
}

TEST(ReplyPacket, TooSmallBufferIsRefused) {
    for (std::size_t size = 0; size < 7; ++size) {
        Bytes buffer(size);
        EXPECT_THAT(encode_reply_packet({FileKeyOperation::kDecrypt, 0, pattern(4)}, buffer),
                    FailsWith(ErrorCode::kMalformed, "does not fit into the buffer"));
    }
    Bytes three(3);
    EXPECT_THAT(encode_reply_packet({FileKeyOperation::kDecrypt, 1, {}}, three),
                FailsWith(ErrorCode::kMalformed, "does not fit into the buffer"));
}

TEST(Checksum, SumsTheKeysBytes) {
    EXPECT_TRUE(has_valid_checksum(hex("07 000102030405060708090a0b0c0d0e0f 0078")));
    EXPECT_TRUE(has_valid_checksum(hex("00 00 0000")));
    const std::string ones(128, 'f');
    EXPECT_TRUE(has_valid_checksum(hex("09" + ones + "3fc0")));  // 64 times 255
}

TEST(Checksum, AnyChangedByteIsFound) {
    const Bytes right = hex("07 000102030405060708090a0b0c0d0e0f 0078");
    for (std::size_t i = 1; i < right.size(); ++i) {  // not the cipher code
        Bytes wrong = right;
        wrong[i] ^= 1;
        EXPECT_FALSE(has_valid_checksum(wrong)) << i;
    }
}

TEST(Checksum, ImpossibleSizesAreWrong) {
    for (const std::size_t size : {0U, 1U, 2U, 3U, 68U, 512U}) {
        EXPECT_FALSE(has_valid_checksum(Bytes(size))) << size;
    }
}

}  // namespace
}  // namespace ecryptfs::wire
