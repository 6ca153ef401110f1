// SPDX-License-Identifier: Apache-2.0

#include "lib/base/base64url.h"

#include <gtest/gtest.h>

namespace ecryptfs::base {
namespace {

// RFC 4648, section 10, without padding; and the two digits of the other alphabet.
TEST(ToBase64url, WritesTheTextsOfTheRfc) {
    EXPECT_EQ(to_base64url({}), "");
    EXPECT_EQ(to_base64url(as_bytes("f")), "Zg");
    EXPECT_EQ(to_base64url(as_bytes("fo")), "Zm8");
    EXPECT_EQ(to_base64url(as_bytes("foo")), "Zm9v");
    EXPECT_EQ(to_base64url(as_bytes("foobar")), "Zm9vYmFy");
    EXPECT_EQ(to_base64url(as_bytes("\xfb\xff\xfe")), "-__-");
}

}  // namespace
}  // namespace ecryptfs::base
