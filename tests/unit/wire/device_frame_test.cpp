// SPDX-License-Identifier: Apache-2.0

#include "lib/wire/device_frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <bit>

#include "tests/unit/support.h"

namespace ecryptfs::wire {
namespace {

using base::ErrorCode;
using test::Bytes;
using test::copy;
using test::FailsWith;
using test::hex;
using test::pattern;
using test::Succeeds;

constexpr std::size_t kMaxRequestPacket = 5 + 16 + 512;
constexpr std::size_t kMaxResponsePacket = 4 + 512;

Bytes encoded(const DeviceFrame& frame) {
    Bytes buffer(kMaxRequestFrame);
    const auto bytes = encode_frame(frame, buffer);
    EXPECT_THAT(bytes, Succeeds());
    return copy(bytes.value_or(base::ByteView{}));
}

void expect_round_trip(FrameType type, std::size_t packet_size) {
    const Bytes packet = pattern(packet_size);
    const DeviceFrame frame{
        .type = type, .counter = 0x01020304, .index = 0xa1b2c3d4, .packet = packet};
    const Bytes bytes = encoded(frame);
    const auto decoded = decode_frame(bytes);
    ASSERT_THAT(decoded, Succeeds()) << packet_size;
    EXPECT_EQ(decoded->type, type);
    EXPECT_FALSE(decoded->bare);
    EXPECT_EQ(decoded->counter, frame.counter);
    EXPECT_EQ(decoded->index, frame.index);
    EXPECT_EQ(copy(decoded->packet), packet);
}

TEST(DeviceFrame, EachLengthRoundTrips) {
    for (std::size_t size = 0; size <= kMaxRequestPacket; ++size) {
        expect_round_trip(FrameType::kRequest, size);
    }
    for (std::size_t size = 0; size <= kMaxResponsePacket; ++size) {
        expect_round_trip(FrameType::kResponse, size);
    }
}

TEST(DeviceFrame, LayoutIsTheKernels) {
    // Index and data_len are native: this is how a little-endian machine has them.
    if constexpr (std::endian::native == std::endian::little) {
        const Bytes packet = hex("43000141");
        EXPECT_EQ(
            encoded({.type = FrameType::kResponse, .counter = 0x4b, .index = 5, .packet = packet}),
            hex("67 0000004b 0c 05000000 04000000 43000141"));
    }
}

TEST(DeviceFrame, LargestFrameHasKernelsSize) {
    const Bytes packet = pattern(kMaxRequestPacket);
    EXPECT_EQ(encoded({.type = FrameType::kRequest, .packet = packet}).size(), kMaxRequestFrame);
    const auto response = base::ByteView(packet).first(kMaxResponsePacket);
    EXPECT_EQ(encoded({.type = FrameType::kResponse, .packet = response}).size(),
              kMaxResponseFrame);
    EXPECT_EQ(kMaxResponseFrame, 531U);  // docs/protocol.md section 2
}

TEST(DeviceFrame, AbandonedRequestIsBare) {
    // What a real kernel delivered: docs/protocol.md section 1.
    const auto frame = decode_frame(hex("66 0000004b"));
    ASSERT_THAT(frame, Succeeds());
    EXPECT_EQ(frame->type, FrameType::kRequest);
    EXPECT_TRUE(frame->bare);
    EXPECT_EQ(frame->counter, 0x4bU);
    EXPECT_EQ(frame->index, 0U);
    EXPECT_TRUE(frame->packet.empty());
}

TEST(DeviceFrame, HeloAndQuitAreBare) {
    for (const auto type : {FrameType::kHelo, FrameType::kQuit, FrameType::kRequest}) {
        const Bytes bytes = encoded({.type = type, .bare = true, .counter = 7});
        EXPECT_EQ(bytes.size(), 5U);
        const auto frame = decode_frame(bytes);
        ASSERT_THAT(frame, Succeeds());
        EXPECT_EQ(frame->type, type);
        EXPECT_TRUE(frame->bare);
        EXPECT_EQ(frame->counter, 7U);
    }
}

struct MalformedLength {
    std::string bytes;
    std::string_view problem;
};

TEST(DeviceFrame, BadFrameIsRefusedWithReasonAndByte) {
    for (const auto& [bytes, problem] : std::to_array<MalformedLength>({
             {"", "device frame: type needs 1 bytes, 0 are left (byte 0)"},
             {"00 00000001", "device frame: unknown type 0 (byte 0)"},
             {"63 00000001", "device frame: unknown type 99 (byte 0)"},
             {"68 00000001 08", "device frame: unknown type 104 (byte 0)"},
             {"66", "device frame: counter needs 4 bytes, 0 are left (byte 1)"},
             {"66 000001", "device frame: counter needs 4 bytes, 3 are left (byte 1)"},
             {"67 00000001", "device frame: a response without a message (byte 5)"},
             {"64 00000001 08 00000000 00000000",
              "device frame: 9 bytes follow a message of type 100, which is bare (byte 5)"},
             {"66 00000001 14 0000000000000000000000000000000000",
              "device frame: length field says 20 bytes, 17 follow (byte 5)"},
             {"66 00000001 08 00000000 00000000 00",
              "device frame: length field says 8 bytes, 9 follow (byte 5)"},
             {"66 00000001 c0", "device frame: length field has one byte of two (byte 5)"},
             {"66 00000001 e0", "device frame: length field begins with 0xe0"},
             {"66 00000001 ff 00000008 00000000 00000000",
              "device frame: length field begins with 0xff"},
             {"66 00000001 00", "device frame: index needs 4 bytes, 0 are left (byte 6)"},
             {"66 00000001 03 000000", "device frame: index needs 4 bytes, 3 are left (byte 6)"},
             {"66 00000001 04 00000000",
              "device frame: data_len needs 4 bytes, 0 are left (byte 10)"},
             {"66 00000001 09 00000000 00000000 00",
              "device frame: data_len says 0 bytes, 1 follow (byte 10)"},
             {"67 00000001 08 00000000 ffffffff",
              "device frame: data_len says 4294967295 bytes, 0 follow (byte 10)"},
         })) {
        EXPECT_THAT(decode_frame(hex(bytes)), FailsWith(ErrorCode::kMalformed, problem)) << bytes;
    }
}

// A frame with a packet one byte larger than the kernel's limit for its type.
Bytes too_large(FrameType type) {
    const std::size_t size =
        1 + (type == FrameType::kRequest ? kMaxRequestPacket : kMaxResponsePacket);
    Bytes frame = {std::to_underlying(type), 0, 0, 0, 1};
    const auto length = 8 + size - 192;
    frame.push_back(static_cast<std::uint8_t>(192 + length / 256));
    frame.push_back(static_cast<std::uint8_t>(length % 256));
    frame.resize(frame.size() + 8 + size);
    const auto data_len = static_cast<std::uint32_t>(size);
    std::memcpy(frame.data() + 11, &data_len, sizeof data_len);
    return frame;
}

TEST(DeviceFrame, TooLargeFrameIsRefused) {
    EXPECT_THAT(decode_frame(too_large(FrameType::kRequest)),
                FailsWith(ErrorCode::kMalformed,
                          "packet of 534 bytes, where the kernel takes 533 at most (byte 11)"));
    EXPECT_THAT(decode_frame(too_large(FrameType::kResponse)),
                FailsWith(ErrorCode::kMalformed,
                          "packet of 517 bytes, where the kernel takes 516 at most (byte 11)"));
}

TEST(DeviceFrame, CutOrExtendedFrameIsRefused) {
    const Bytes packet = pattern(300);
    Bytes bytes = encoded({.type = FrameType::kRequest, .counter = 1, .packet = packet});
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        if (size != 5) {  // the bare form
            EXPECT_THAT(decode_frame(base::ByteView(bytes).first(size)),
                        FailsWith(ErrorCode::kMalformed, "device frame: "))
                << size;
        }
    }
    bytes.push_back(0);
    EXPECT_THAT(decode_frame(bytes), FailsWith(ErrorCode::kMalformed, "length field says 308"));
}

TEST(DeviceFrame, TooLargeFrameIsNotEncoded) {
    Bytes buffer(1000);
    const Bytes packet = pattern(kMaxRequestPacket + 1);
    EXPECT_THAT(encode_frame({.type = FrameType::kRequest, .packet = packet}, buffer),
                FailsWith(ErrorCode::kMalformed, "packet of 534 bytes"));
    const auto response = base::ByteView(packet).first(kMaxResponsePacket + 1);
    EXPECT_THAT(encode_frame({.type = FrameType::kResponse, .packet = response}, buffer),
                FailsWith(ErrorCode::kMalformed, "packet of 517 bytes"));
}

TEST(DeviceFrame, TooSmallBufferIsRefused) {
    const Bytes packet = pattern(10);
    const DeviceFrame frame{.type = FrameType::kResponse, .packet = packet};
    for (std::size_t size = 0; size < encoded(frame).size(); ++size) {
        Bytes buffer(size);
        EXPECT_THAT(encode_frame(frame, buffer),
                    FailsWith(ErrorCode::kMalformed, "does not fit into a buffer"));
    }
}

TEST(DeviceFrame, UnreadableFormIsNotEncoded) {
    Bytes buffer(100);
    EXPECT_THAT(encode_frame({.type = FrameType::kResponse, .bare = true}, buffer),
                FailsWith(ErrorCode::kMalformed, "a response without a message"));
    for (const auto type : {FrameType::kHelo, FrameType::kQuit}) {
        EXPECT_THAT(encode_frame({.type = type}, buffer),
                    FailsWith(ErrorCode::kMalformed, "carry no message"));
    }
}

}  // namespace
}  // namespace ecryptfs::wire
