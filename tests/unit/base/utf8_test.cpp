// SPDX-License-Identifier: Apache-2.0

#include "lib/base/utf8.h"

#include <gtest/gtest.h>

#include "lib/base/printable.h"
#include "tests/unit/support.h"

namespace ecryptfs::test {
namespace {

using base::first_code_point;
using base::printable_character;

TEST(Utf8, ReadsFirstCharacter) {
    EXPECT_EQ(first_code_point("ab").value, U'a');
    EXPECT_EQ(first_code_point("\u00e4b").value, U'\u00e4');
    EXPECT_EQ(first_code_point("\u20ac").value, U'\u20ac');
    EXPECT_EQ(first_code_point("\U0001f511").value, U'\U0001f511');
    EXPECT_EQ(first_code_point("\U0001f511").size, 4U);
    EXPECT_EQ(first_code_point(std::string_view("\0", 1)).size, 1U);
}

// The Unicode Standard, table 3-7, at both ends of each row and one beyond.
TEST(Utf8, RefusesMalformedSequences) {
    for (const std::string_view sound :
         {"\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xec\xbf\xbf", "\xed\x9f\xbf", "\xee\x80\x80",
          "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
        EXPECT_EQ(first_code_point(sound).size, sound.size());
        EXPECT_EQ(first_code_point(sound.substr(0, sound.size() - 1)).size, 0U) << "cut";
    }
    for (const std::string_view wrong :
         {"", "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2\x7f", "\xc2\xc0", "\xe0\x9f\xbf",
          "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
          "\xf5\x80\x80\x80", "\xff"}) {
        EXPECT_EQ(first_code_point(wrong).size, 0U);
        EXPECT_EQ(printable_character(wrong), 0U);
    }
}

TEST(Utf8, ControlCharactersAreNotPrintable) {
    for (const std::string_view control : {"\x1f", "\n", "\x7f", "\xc2\x80", "\xc2\x9f"}) {
        EXPECT_EQ(printable_character(control), 0U);
    }
    EXPECT_EQ(printable_character(" "), 1U);
    EXPECT_EQ(printable_character("\xc2\xa0"), 2U);
}

}  // namespace
}  // namespace ecryptfs::test
