// SPDX-License-Identifier: Apache-2.0

#include <sstream>

#include "agent/keys/token_store.h"
#include "tests/unit/support.h"

namespace ecryptfs::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

auto expiries(const std::string& proc_keys) {
    std::istringstream text(proc_keys);
    return agent::parse_expiries(text);
}

TEST(TokenExpiry, IsInSecondsAndLeftOutWhereThereIsNone) {
    EXPECT_THAT(expiries("0000000a I--Q---     1   3m 3f3f0001  1234  1234 user      one: 4\n"
                         "0000000b I--Q---     1 perm 3f3f0001  1234  1234 user      two: 4\n"
                         "0000000c I--Q---     1 expd 3f3f0001  1234  1234 user      three\n"
                         "fffffff0 I--Q---     1   2h 3f3f0001  1234  1234 user      four: 4\n"),
                ElementsAre(Pair(-16, 7200), Pair(10, 180)));
}

// As another user's key has it whose description has a line end in it.
TEST(TokenExpiry, IsNotBelievedWhereASecondLineOfTheKeySaysOtherwise) {
    const std::string real =
        "0000000a I--Q---     1   3m 3f3f0001  1234  1234 user      SIG: 4\n"
        "0000000c I--Q---     1 perm 3f3f0001  1234  1234 user      SIG: 4\n";
    const std::string forged =
        "0000000b I--Q---     1 perm 3f3f0001  4321  4321 user      x\n"
        "0000000a I--Q---     1   9w 3f3f0001  1234  1234 user      SIG: 4\n"
        "0000000c I--Q---     1   9w 3f3f0001  1234  1234 user      SIG: 4\n"
        "99999999999 zzzz\n";
    EXPECT_THAT(expiries(real + forged), IsEmpty());
    EXPECT_THAT(expiries(forged + real), IsEmpty());
    EXPECT_THAT(expiries(real), ElementsAre(Pair(10, 180)));
}

}  // namespace
}  // namespace ecryptfs::test
