// SPDX-License-Identifier: Apache-2.0

#include "lib/base/fields.h"

#include <gtest/gtest.h>

#include <array>

#include "tests/unit/support.h"

namespace ecryptfs::test {
namespace {

using base::ByteView;
using base::FieldReader;
using base::FieldWriter;

struct Message {
    std::uint32_t number = 0;
    std::uint16_t size = 0;
    ByteView name;
    ByteView rest;
};

template <typename Fields>
void pass_fields(Fields& fields, Message& message) {
    fields.pass_big_endian(message.number);
    fields.pass_native(message.size);
    fields.pass_bytes(message.name, message.size);
    fields.pass_rest(message.rest);
    fields.expect_end();
}

TEST(Fields, WrittenFieldsReadBack) {
    std::array<std::uint8_t, 32> buffer{};
    FieldWriter writer(buffer);
    Message sent{0x01020304, 3, base::as_bytes("abc"), base::as_bytes("rest")};
    pass_fields(writer, sent);
    ASSERT_TRUE(writer.ok());
    ASSERT_EQ(writer.written().size(), 4U + 2 + 3 + 4);
    EXPECT_EQ(writer.written()[0], 1);

    FieldReader reader(writer.written());
    Message message;
    pass_fields(reader, message);
    EXPECT_TRUE(reader.ok());
    EXPECT_EQ(message.number, 0x01020304U);
    EXPECT_EQ(base::as_text(message.name), "abc");
    EXPECT_EQ(base::as_text(message.rest), "rest");
}

TEST(FieldReader, FieldsAreEmptyAfterFailure) {
    const std::array<std::uint8_t, 9> bytes = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    FieldReader reader(bytes);
    ByteView view;
    reader.pass_bytes(view, 10);
    EXPECT_FALSE(reader.ok());
    EXPECT_TRUE(view.empty());
    std::uint8_t number = 7;
    reader.pass_native(number);
    EXPECT_EQ(number, 0) << "though bytes are left";
    reader.fail("another problem");
    reader.expect_end();
    EXPECT_EQ(reader.problem(), "too short") << "the first one";
}

TEST(FieldReader, RefusesTrailingBytes) {
    const std::array<std::uint8_t, 2> bytes = {1, 2};
    FieldReader reader(bytes);
    std::uint8_t number = 0;
    reader.pass_native(number);
    EXPECT_TRUE(reader.ok());
    reader.expect_end();
    EXPECT_EQ(reader.problem(), "too long");
}

TEST(FieldWriter, WritesNothingAfterOverflow) {
    std::array<std::uint8_t, 3> buffer{};
    FieldWriter writer(buffer);
    writer.pass_native(std::uint16_t{1});
    EXPECT_TRUE(writer.ok());
    writer.pass_native(std::uint16_t{2});
    EXPECT_EQ(writer.problem(), "too long");
    writer.pass_native(std::uint8_t{3});
    EXPECT_EQ(writer.written().size(), 2U);
}

}  // namespace
}  // namespace ecryptfs::test
