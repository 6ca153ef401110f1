// SPDX-License-Identifier: Apache-2.0

#include "lib/base/bytes.h"

#include <gtest/gtest.h>

#include <array>

#include "tests/unit/support.h"

namespace ecryptfs::base {
namespace {

using test::Bytes;
using test::copy;
using test::hex;

TEST(ByteReader, ReadsBothByteOrders) {
    const Bytes bytes = hex("0102 0304 05060708");
    ByteReader reader(bytes);
    EXPECT_EQ(reader.take_big_endian<std::uint16_t>(), 0x0102);
    EXPECT_EQ(reader.take_little_endian<std::uint16_t>(), 0x0403);
    EXPECT_EQ(reader.take_big_endian<std::uint32_t>(), 0x05060708U);
    EXPECT_TRUE(reader.empty());
}

TEST(ByteReader, ReadsNativeIntegers) {
    const std::uint32_t value = 0xdeadbeef;
    Bytes bytes(sizeof value);
    std::memcpy(bytes.data(), &value, sizeof value);
    EXPECT_EQ(ByteReader(bytes).take_native<std::uint32_t>(), value);
}

TEST(ByteReader, TakesNothingFromTooFewBytes) {
    const Bytes bytes = hex("010203");
    ByteReader reader(bytes);
    EXPECT_EQ(reader.take_big_endian<std::uint32_t>(), std::nullopt);
    EXPECT_EQ(reader.take(4).has_value(), false);
    EXPECT_EQ(reader.position(), 0U);
    EXPECT_EQ(reader.take(3).value_or(ByteView{}).size(), 3U);
    EXPECT_EQ(reader.position(), 3U);
    EXPECT_EQ(reader.take_native<std::uint8_t>(), std::nullopt);
}

TEST(ByteReader, TakesNoBytesFromEmptyView) {
    ByteReader reader({});
    ASSERT_TRUE(reader.take(0).has_value());
    EXPECT_TRUE(reader.empty());
}

TEST(ByteWriter, WritesWhatTheReaderReads) {
    std::array<std::uint8_t, 16> buffer{};
    ByteWriter writer(buffer);
    writer.put_big_endian(std::uint32_t{0x01020304});
    writer.put_native(std::uint32_t{0x05060708});
    writer.put_byte(9);
    writer.put_zeros(2);
    writer.put(as_bytes("ab"));
    ASSERT_TRUE(writer.ok());
    ByteReader reader(writer.written());
    EXPECT_EQ(reader.take_big_endian<std::uint32_t>(), 0x01020304U);
    EXPECT_EQ(reader.take_native<std::uint32_t>(), 0x05060708U);
    EXPECT_EQ(copy(reader.left()), hex("09 0000 6162"));
}

TEST(ByteWriter, FillsBufferToItsLastByte) {
    std::array<std::uint8_t, 3> buffer{};
    ByteWriter writer(buffer);
    writer.put(as_bytes("abc"));
    writer.put({});
    EXPECT_TRUE(writer.ok());
    EXPECT_EQ(as_text(writer.written()), "abc");
}

TEST(ByteWriter, WritesNothingAfterOverflow) {
    std::array<std::uint8_t, 3> buffer{};
    ByteWriter writer(buffer);
    writer.put(as_bytes("ab"));
    writer.put(as_bytes("cd"));
    writer.put_byte('e');
    EXPECT_FALSE(writer.ok());
    EXPECT_EQ(as_text(writer.written()), "ab");
    EXPECT_EQ(buffer[2], 0);
}

TEST(ByteWriter, CanBeMadeToFail) {
    std::array<std::uint8_t, 3> buffer{};
    ByteWriter writer(buffer);
    writer.fail();
    writer.put_byte(1);
    EXPECT_FALSE(writer.ok());
    EXPECT_EQ(writer.size(), 0U);
}

}  // namespace
}  // namespace ecryptfs::base
