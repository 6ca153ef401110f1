// SPDX-License-Identifier: Apache-2.0

#include "lib/keyring/proc_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/unit/support.h"

namespace ecryptfs::test {
namespace {

using keyring::KeySerial;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

auto parsed(const std::string& proc_keys) {
    std::istringstream text(proc_keys);
    return keyring::parse_proc_keys(text);
}

auto times_left(const std::string& proc_keys) {
    return keyring::times_left(parsed(proc_keys));
}

TEST(ProcKeys, ReadsTypeAndDescription) {
    const auto keys = parsed(
        "0000000a I--Q---     1   3m 3f3f0001  1234  1234 user      one: 4\n"
        "fffffff0 IR-Q---     1 expd 3f3f0001  1234  1234 keyring   _ses: a: empty\n"
        "0000000c I--Q---     1 perm 3f3f0001  1234  1234 user      three\n");
    ASSERT_EQ(keys.size(), 3U);
    EXPECT_EQ(keys[0].serial, KeySerial{10});
    EXPECT_EQ(keys[0].type, "user");
    EXPECT_EQ(keys[0].description, "one");
    EXPECT_EQ(keys[1].serial, KeySerial{-16});
    EXPECT_EQ(keys[1].type, "keyring");
    EXPECT_EQ(keys[1].description, "_ses: a");
    EXPECT_EQ(keys[2].description, "three");
}

TEST(ProcKeys, SkipsMalformedLines) {
    EXPECT_THAT(parsed("\n"
                       "zzzzzzzz I--Q---     1 perm 3f3f0001  1234  1234 user      a: 4\n"
                       "fffffffff I--Q---     1 perm 3f3f0001  1234  1234 user      a: 4\n"
                       "0000000a I--Q---     1 perm 3f3f0001  1234  1234\n"),
                IsEmpty());
}

TEST(ProcKeys, ReadsRemainingTime) {
    EXPECT_THAT(times_left("0000000a I--Q---     1   3m 3f3f0001  1234  1234 user      one: 4\n"
                           "0000000b I--Q---     1 perm 3f3f0001  1234  1234 user      two: 4\n"
                           "0000000c I--Q---     1 expd 3f3f0001  1234  1234 user      three\n"
                           "0000000d I--Q---     1   9s 3f3f0001  1234  1234 user      four: 4\n"
                           "0000000e I--Q---     1   6d 3f3f0001  1234  1234 user      five: 4\n"
                           "0000000f I--Q---     1 700w 3f3f0001  1234  1234 user      six: 4\n"
                           "fffffff0 I--Q---     1   2h 3f3f0001  1234  1234 user      seven: 4\n"),
                ElementsAre(Pair(KeySerial{-16}, seconds(7200)), Pair(KeySerial{10}, seconds(180)),
                            Pair(KeySerial{13}, seconds(9)), Pair(KeySerial{14}, seconds(518'400)),
                            Pair(KeySerial{15}, seconds(423'360'000))));
}

// As another user's key has it whose description has a line end in it.
TEST(ProcKeys, ForgedLineGivesNoTime) {
    const std::string real =
        "0000000a I--Q---     1   3m 3f3f0001  1234  1234 user      SIG: 4\n"
        "0000000c I--Q---     1 perm 3f3f0001  1234  1234 user      SIG: 4\n";
    const std::string forged =
        "0000000b I--Q---     1 perm 3f3f0001  4321  4321 user      x\n"
        "0000000a I--Q---     1   9w 3f3f0001  1234  1234 user      SIG: 4\n"
        "0000000c I--Q---     1   9w 3f3f0001  1234  1234 user      SIG: 4\n"
        "99999999999 zzzz\n";
    EXPECT_THAT(times_left(real + forged), IsEmpty());
    EXPECT_THAT(times_left(forged + real), IsEmpty());
    EXPECT_THAT(times_left(real), ElementsAre(Pair(KeySerial{10}, seconds(180))));
}

}  // namespace
}  // namespace ecryptfs::test
