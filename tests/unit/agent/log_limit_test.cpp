// SPDX-License-Identifier: Apache-2.0

#include <gtest/gtest.h>

#include "agent/runtime/log.h"

namespace ecryptfs::agent {
namespace {

using namespace std::chrono_literals;

TEST(LogLimit, PassesBurstAndDropsTheRest) {
    const Clock::time_point now{};
    LogLimit limit(3, 30s);
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(limit.allows(now));
    }
    for (int i = 0; i < 1000; ++i) {
        EXPECT_FALSE(limit.allows(now + i * 29ms));
    }
}

TEST(LogLimit, StartsAgainEachPeriod) {
    Clock::time_point now{};
    LogLimit limit(1, 30s);
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(limit.allows(now));
        EXPECT_FALSE(limit.allows(now + 30s - 1ns));
        now += 30s;
    }
}

}  // namespace
}  // namespace ecryptfs::agent
