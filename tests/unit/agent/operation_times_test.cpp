// SPDX-License-Identifier: Apache-2.0

#include "agent/modules/operation_times.h"

#include <gtest/gtest.h>

namespace ecryptfs::agent {
namespace {

using namespace std::chrono_literals;

TEST(OperationTimes, StartWithTheLeastLimit) {
    const OperationTimes times;
    EXPECT_EQ(times.usual(), 0s);
    EXPECT_EQ(times.limit(), kLeastOperationLimit);
}

TEST(OperationTimes, AverageRecentOperations) {
    OperationTimes times;
    for (int i = 0; i < 50; ++i) {
        times.add(8ms);
    }
    EXPECT_GT(times.usual(), 7900us);
    EXPECT_LE(times.usual(), 8ms);
    for (int i = 0; i < 50; ++i) {
        times.add(1ms);
    }
    EXPECT_LT(times.usual(), 1100us);
}

TEST(OperationTimes, ExtendDoublesTheLimitUpToTheGreatest) {
    OperationTimes times;
    times.extend_limit();
    EXPECT_EQ(times.limit(), 2 * kLeastOperationLimit);
    for (int i = 0; i < 100; ++i) {
        times.extend_limit();
    }
    EXPECT_EQ(times.limit(), kGreatestOperationLimit);
}

TEST(OperationTimes, SlowTokenKeepsLimitAtTwiceItsTime) {
    OperationTimes times;
    times.extend_limit();
    times.extend_limit();
    for (int i = 0; i < 100; ++i) {
        times.add(2s);
        EXPECT_GE(times.limit(), 4s);
    }
    times.add(1h);
    EXPECT_EQ(times.limit(), kGreatestOperationLimit);
}

TEST(OperationTimes, QuickTokenLowersTheLimit) {
    OperationTimes times;
    times.extend_limit();
    times.extend_limit();
    for (int i = 0; i < 20; ++i) {
        const auto before = times.limit();
        times.add(1ms);
        EXPECT_TRUE(times.limit() < before || before == kLeastOperationLimit);
    }
    EXPECT_EQ(times.limit(), kLeastOperationLimit);
}

}  // namespace
}  // namespace ecryptfs::agent
