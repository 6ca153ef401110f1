// SPDX-License-Identifier: Apache-2.0

#include <gtest/gtest.h>

#include "agent/runtime/log.h"

namespace ecryptfs::agent {
namespace {

using namespace std::chrono_literals;

TEST(LogLimit, LetsABurstThroughAndSwallowsTheRest) {
    LogLimit limit(3, 3600s);
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(limit.allows());
    }
    for (int i = 0; i < 1000; ++i) {
        EXPECT_FALSE(limit.allows());
    }
}

TEST(LogLimit, BeginsAnewWithEachPeriod) {
    LogLimit limit(1, 0s);
    for (int i = 0; i < 1000; ++i) {
        EXPECT_TRUE(limit.allows());
    }
}

}  // namespace
}  // namespace ecryptfs::agent
