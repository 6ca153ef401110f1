// SPDX-License-Identifier: Apache-2.0

#include "agent/runtime/statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace ecryptfs::agent {
namespace {

using std::chrono::microseconds;

constexpr double kTolerance = 0.07;

void expect_near(microseconds value, double expected) {
    EXPECT_NEAR(static_cast<double>(value.count()), expected, expected * kTolerance);
}

TEST(LatencyHistogram, IsZeroWhenEmpty) {
    EXPECT_EQ(LatencyHistogram{}.percentile(50), microseconds(0));
    EXPECT_EQ(LatencyHistogram{}.percentile(99), microseconds(0));
}

TEST(LatencyHistogram, SingleValueIsEachPercentile) {
    for (const std::int64_t value :
         {1, 5, 7, 8, 9, 15, 16, 17, 100, 1'000, 12'345, 999'999, 10'000'000}) {
        LatencyHistogram histogram;
        histogram.add(microseconds(value));
        for (const unsigned percent : {1U, 50U, 99U, 100U}) {
            expect_near(histogram.percentile(percent), static_cast<double>(value));
        }
    }
}

TEST(LatencyHistogram, IsExactBelowEight) {
    for (std::int64_t value = 0; value < 8; ++value) {
        LatencyHistogram histogram;
        histogram.add(microseconds(value));
        EXPECT_EQ(histogram.percentile(50), microseconds(value));
    }
}

TEST(LatencyHistogram, PercentilesAreWithinTolerance) {
    std::mt19937_64 random(1);  // NOLINT(*-msc51-cpp): the same each time
    std::lognormal_distribution<double> latency(7.0, 1.5);
    LatencyHistogram histogram;
    std::vector<double> values;
    for (int i = 0; i < 50'000; ++i) {
        const auto value = static_cast<std::int64_t>(latency(random)) + 8;
        values.push_back(static_cast<double>(value));
        histogram.add(microseconds(value));
    }
    std::ranges::sort(values);
    for (const unsigned percent : {1U, 10U, 50U, 90U, 99U, 100U}) {
        const std::size_t rank = (values.size() * percent + 99) / 100;
        expect_near(histogram.percentile(percent), values.at(rank - 1));
    }
}

TEST(LatencyHistogram, CountsImpossibleTimes) {
    LatencyHistogram histogram;
    histogram.add(microseconds(-1));
    EXPECT_EQ(histogram.percentile(100), microseconds(0));
    histogram.add(microseconds::max());
    EXPECT_GT(histogram.percentile(100), std::chrono::hours(1));
}

}  // namespace
}  // namespace ecryptfs::agent
