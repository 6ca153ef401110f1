// SPDX-License-Identifier: Apache-2.0

#include "lib/base/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <set>

#include "tests/unit/support.h"

namespace ecryptfs::base {
namespace {

TEST(ErrorTable, NamesAreUnique) {
    std::set<std::string_view> names;
    for (const auto& row : error_table()) {
        EXPECT_TRUE(names.insert(row.name).second) << row.name;
    }
}

TEST(ErrorTable, StatusesAreUniqueAndNotZero) {
    std::set<int> statuses;
    for (const auto& row : error_table()) {
        EXPECT_NE(row.status, 0) << row.name;
        EXPECT_TRUE(statuses.insert(row.status).second) << row.name;
    }
}

TEST(ErrorTable, AvoidsExitCodesOfShells) {
    for (const auto& row : error_table()) {
        const bool not_found_or_not_executable = row.status == 126 || row.status == 127;
        EXPECT_FALSE(not_found_or_not_executable) << row.name;
        EXPECT_LE(row.status, 130) << row.name;
    }
}

TEST(ErrorTable, NamesAreValidOnDBus) {
    for (const auto& row : error_table()) {
        EXPECT_THAT(std::string(row.name), testing::MatchesRegex("[A-Z][A-Za-z]+"));
    }
}

TEST(ErrorTable, FindsErrorsByCodeAndName) {
    for (const auto& row : error_table()) {
        EXPECT_EQ(&traits(row.code), &row);
        EXPECT_EQ(error_code_from_name(row.name), row.code);
    }
}

TEST(ErrorTable, KnowsNoOtherNames) {
    EXPECT_EQ(error_code_from_name(""), std::nullopt);
    EXPECT_EQ(error_code_from_name("unknownkey"), std::nullopt);
    EXPECT_EQ(error_code_from_name("UnknownKey "), std::nullopt);
}

TEST(SystemError, MessageSaysWhatFailedAndWhy) {
    const Error error = system_error(ErrorCode::kNoDevice, "opening it", ENOENT, "load the module");
    EXPECT_EQ(error.code, ErrorCode::kNoDevice);
    EXPECT_EQ(error.message, "opening it: No such file or directory");
    EXPECT_EQ(error.advice, "load the module");
}

TEST(ValueOrThrow, GivesTheValue) {
    EXPECT_EQ(value_or_throw(Result<int>{7}), 7);
    EXPECT_NO_THROW(value_or_throw(Result<void>{}));
}

TEST(ValueOrThrow, ThrowsFailureForError) {
    const Result<int> result =
        std::unexpected(Error{ErrorCode::kKeyLocked, "it is locked", "unlock"});
    try {
        value_or_throw(result);
        FAIL() << "nothing was thrown";
    } catch (const Failure& failure) {
        EXPECT_EQ(failure.error().code, ErrorCode::kKeyLocked);
        EXPECT_EQ(failure.error().advice, "unlock");
        EXPECT_STREQ(failure.what(), "it is locked");
    }
}

}  // namespace
}  // namespace ecryptfs::base
