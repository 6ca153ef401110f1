// SPDX-License-Identifier: Apache-2.0

#include "lib/base/percent.h"

#include <gtest/gtest.h>

#include "tests/unit/support.h"

namespace ecryptfs::test {
namespace {

using base::percent_decoded;
using base::percent_encoded;

TEST(PercentCoding, EscapesReservedBytes) {
    EXPECT_EQ(percent_encoded("az-AZ_09.~", base::is_unreserved), "az-AZ_09.~");
    EXPECT_EQ(percent_encoded("a b/\xff%", base::is_unreserved), "a%20b%2F%FF%25");
    EXPECT_EQ(percent_encoded(std::string_view("\0", 1), [](char) { return false; }), "%00");
}

TEST(PercentCoding, EncodedTextDecodesBack) {
    std::string all;
    for (int byte = 0; byte < 256; ++byte) {
        all += static_cast<char>(byte);
    }
    EXPECT_EQ(percent_decoded(percent_encoded(all, base::is_unreserved)), all);
    EXPECT_EQ(percent_decoded("%2f%2F+"), "//+");
}

TEST(PercentCoding, BadEscapeGivesItsOffset) {
    for (const std::string bad : {"ab%", "ab%2", "ab%g0", "ab%0g", "ab%-1", "ab% 1", "ab%%41"}) {
        EXPECT_EQ(percent_decoded(bad), (std::expected<std::string, std::size_t>(std::unexpect, 2)))
            << bad;
    }
}

}  // namespace
}  // namespace ecryptfs::test
