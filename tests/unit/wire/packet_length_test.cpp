// SPDX-License-Identifier: Apache-2.0

#include "lib/wire/packet_length.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "tests/unit/support.h"

namespace ecryptfs::wire {
namespace {

using base::ErrorCode;
using test::Bytes;
using test::copy;
using test::FailsWith;
using test::hex;

Bytes encoded(std::size_t length) {
    std::array<std::uint8_t, 4> buffer{};
    base::ByteWriter writer(buffer);
    put_packet_length(writer, length);
    EXPECT_TRUE(writer.ok()) << length;
    return copy(writer.written());
}

TEST(PacketLength, EachLengthRoundTrips) {
    for (std::size_t length = 0; length <= kMaxPacketLength; ++length) {
        const Bytes bytes = encoded(length);
        ASSERT_EQ(bytes.size(), length < 192 ? 1U : 2U) << length;
        base::ByteReader reader(bytes);
        const auto read = take_packet_length(reader);
        ASSERT_EQ(read.value_or(9999), length);
        ASSERT_TRUE(reader.empty());
    }
}

TEST(PacketLength, FormsAreThoseOfOpenPgp) {
    EXPECT_EQ(encoded(0), hex("00"));
    EXPECT_EQ(encoded(191), hex("bf"));
    EXPECT_EQ(encoded(192), hex("c000"));
    EXPECT_EQ(encoded(1723), hex("c5fb"));  // RFC 4880 section 4.2.3
    EXPECT_EQ(encoded(8383), hex("dfff"));
}

TEST(PacketLength, TooLargeLengthIsNotWritten) {
    std::array<std::uint8_t, 4> buffer{};
    base::ByteWriter writer(buffer);
    put_packet_length(writer, kMaxPacketLength + 1);
    EXPECT_FALSE(writer.ok());
    EXPECT_EQ(writer.size(), 0U);
}

TEST(PacketLength, CutLengthIsRefused) {
    const Bytes bytes = hex("0000 c0");
    base::ByteReader reader(bytes);
    ASSERT_TRUE(reader.take(2).has_value());
    EXPECT_THAT(take_packet_length(reader),
                FailsWith(ErrorCode::kMalformed, "length field has one byte of two (byte 2)"));
    base::ByteReader empty({});
    EXPECT_THAT(take_packet_length(empty),
                FailsWith(ErrorCode::kMalformed, "length field is missing (byte 0)"));
}

TEST(PacketLength, UnknownFormsAreRefused) {
    for (unsigned first = 224; first < 256; ++first) {
        const Bytes bytes = {static_cast<std::uint8_t>(first), 0, 0, 0, 1};
        base::ByteReader reader(bytes);
        EXPECT_THAT(take_packet_length(reader),
                    FailsWith(ErrorCode::kMalformed, "a form that the kernel does not know"));
    }
}

}  // namespace
}  // namespace ecryptfs::wire
