// SPDX-License-Identifier: Apache-2.0

#include "lib/base/hex.h"

#include <gtest/gtest.h>

#include "tests/unit/support.h"

namespace ecryptfs::base {
namespace {

TEST(Hex, WritesTwoLowerCaseDigitsPerByte) {
    EXPECT_EQ(to_hex({}), "");
    EXPECT_EQ(to_hex(test::Bytes{0x00, 0x0f, 0xa5, 0xff}), "000fa5ff");
}

TEST(Hex, ReadsBothCases) {
    const test::Bytes every = test::pattern(256, 0);
    std::string digits = to_hex(every);
    EXPECT_EQ(from_hex(digits), every);
    std::ranges::transform(digits, digits.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    EXPECT_EQ(from_hex(digits), every);
}

TEST(Hex, RefusesOtherThanPairsOfDigits) {
    for (const std::string_view text : {"0", "0g", "g0", " 0", "0 ", "-1", "+1", "0x", "00 11"}) {
        EXPECT_EQ(from_hex(text), std::nullopt) << text;
    }
}

}  // namespace
}  // namespace ecryptfs::base
