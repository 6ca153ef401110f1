// SPDX-License-Identifier: Apache-2.0

#include "agent/modules/closing_keys.h"

#include <gtest/gtest.h>

#include "agent/runtime/time_limits.h"

namespace ecryptfs::agent {
namespace {

using namespace std::chrono_literals;

class ClosingKeysTest : public ::testing::Test {
  protected:
    void close(std::uint64_t key) {
        keys_.add(key, begin_);
        keys_.record_request(key);
    }
    // A wait for what is being closed now, which counts its end.
    void wait() {
        const auto wait = std::make_shared<CloseWait>([this] { ++ended_; });
        keys_.add_wait(wait);
        wait->begin();
    }

    const Clock::time_point begin_{};
    ClosingKeys keys_;
    int ended_ = 0;
};

TEST_F(ClosingKeysTest, NoKeyMeansNoWait) {
    wait();
    EXPECT_EQ(ended_, 1);
}

TEST_F(ClosingKeysTest, WaitEndsWithTheLastKeyThatWasThere) {
    close(1);
    close(2);
    wait();
    close(3);
    EXPECT_TRUE(keys_.record_close(2));
    EXPECT_EQ(ended_, 0);
    EXPECT_FALSE(keys_.record_close(2));
    EXPECT_FALSE(keys_.record_close(77));
    EXPECT_EQ(ended_, 0);
    keys_.record_close(1);
    EXPECT_EQ(ended_, 1);
    keys_.record_close(3);
    EXPECT_EQ(ended_, 1);
}

TEST_F(ClosingKeysTest, FailedOpenEndsTheWait) {
    keys_.add(1, begin_);
    wait();
    EXPECT_FALSE(keys_.record_close(1));
    EXPECT_EQ(ended_, 0);
    keys_.record_failed_open(1);
    EXPECT_EQ(ended_, 1);
    EXPECT_TRUE(keys_.empty());
    keys_.record_failed_open(1);
}

TEST_F(ClosingKeysTest, FailedReopenDoesNotEndTheWait) {
    close(1);
    wait();
    keys_.record_failed_open(1);
    EXPECT_EQ(ended_, 0);
    close(1);
    EXPECT_TRUE(keys_.record_close(1));
    EXPECT_EQ(ended_, 0);
    EXPECT_TRUE(keys_.record_close(1));
    EXPECT_EQ(ended_, 1);
    EXPECT_FALSE(keys_.record_close(1));
}

TEST_F(ClosingKeysTest, EndOfProcessEndsAllWaits) {
    keys_.add(1, begin_);
    wait();
    keys_.add(2, begin_);
    wait();
    keys_.end_process();
    EXPECT_EQ(ended_, 2);
    EXPECT_TRUE(keys_.empty());
}

TEST_F(ClosingKeysTest, LatenessCountsFromTheFirstClose) {
    constexpr auto kPatience = 10s;
    EXPECT_FALSE(keys_.is_late(begin_ + 1h, kPatience));
    close(1);
    keys_.add(1, begin_ + kPatience);  // once more
    EXPECT_FALSE(keys_.is_late(begin_ + kPatience, kPatience));
    EXPECT_TRUE(keys_.is_late(begin_ + kPatience + 1ms, kPatience));
    keys_.record_close(1);
    EXPECT_FALSE(keys_.is_late(begin_ + 1h, kPatience));
}

TEST_F(ClosingKeysTest, WaitShortensTheLimit) {
    constexpr auto kPatience = 1h;
    keys_.add(1, begin_);
    EXPECT_FALSE(keys_.is_late(begin_ + kCloseLimit + 1ms, kPatience));
    wait();
    EXPECT_FALSE(keys_.is_late(begin_ + kCloseLimit, kPatience));
    EXPECT_TRUE(keys_.is_late(begin_ + kCloseLimit + 1ms, kPatience));
}

TEST_F(ClosingKeysTest, EndOfAgentDropsWaitsSilently) {
    {
        ClosingKeys keys;
        keys.add(1, begin_);
        const auto wait = std::make_shared<CloseWait>([this] { ++ended_; });
        keys.add_wait(wait);
        wait->begin();
    }
    EXPECT_EQ(ended_, 0);
}

}  // namespace
}  // namespace ecryptfs::agent
