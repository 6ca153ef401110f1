// SPDX-License-Identifier: Apache-2.0

#include "agent/modules/open_keys.h"

#include <gtest/gtest.h>

#include "agent/runtime/time_limits.h"

namespace ecryptfs::agent {
namespace {

using namespace std::chrono_literals;

constexpr auto kQuickStart = 10ms;

class OpenKeysTest : public ::testing::Test {
  protected:
    void open(std::uint64_t key, Clock::duration took = 1ms, bool at_device = false) {
        keys_.record_opening(key, now_);
        now_ += took;
        keys_.record_opened(key, at_device, now_);
    }

    Clock::time_point now_{5h};
    OpenKeys keys_;
};

TEST_F(OpenKeysTest, KeyIsOpenWhenTheProcessSaysSo) {
    EXPECT_TRUE(keys_.empty());
    keys_.record_opening(1, now_);
    EXPECT_TRUE(keys_.has(1));
    EXPECT_FALSE(keys_.is_open(1));
    keys_.record_opened(1, false, now_);
    EXPECT_TRUE(keys_.is_open(1));
    EXPECT_FALSE(keys_.is_open(2));
}

TEST_F(OpenKeysTest, ReopenedKeyIsNotOpenMeanwhile) {
    open(1);
    keys_.record_opening(1, now_);
    EXPECT_TRUE(keys_.has(1));
    EXPECT_FALSE(keys_.is_open(1));
}

TEST_F(OpenKeysTest, ErasedKeyIsGone) {
    open(1);
    EXPECT_TRUE(keys_.erase(1));
    EXPECT_FALSE(keys_.has(1));
    EXPECT_FALSE(keys_.is_open(1));
    EXPECT_FALSE(keys_.erase(1));
    EXPECT_TRUE(keys_.empty());
}

TEST_F(OpenKeysTest, ProcessWithoutKeysCanAlwaysBeReplaced) {
    EXPECT_TRUE(keys_.can_be_opened_again(1h));
}

TEST_F(OpenKeysTest, QuickKeysCanBeReopened) {
    open(1);
    open(2);
    EXPECT_TRUE(keys_.can_be_opened_again(kQuickStart));
}

TEST_F(OpenKeysTest, StartPlusSlowestOpenIsLimited) {
    open(1, kUnnoticedStart - kQuickStart - 1ms);
    open(2);
    EXPECT_TRUE(keys_.can_be_opened_again(kQuickStart));
    EXPECT_FALSE(keys_.can_be_opened_again(kQuickStart + 1ms));
}

// Other keys may share the login.
TEST_F(OpenKeysTest, KeyUnlockedAtDeviceCannotBeReopened) {
    open(1, 1ms, /*at_device=*/true);
    open(2);
    EXPECT_FALSE(keys_.can_be_opened_again(kQuickStart));
    keys_.erase(1);
    EXPECT_FALSE(keys_.can_be_opened_again(kQuickStart));
    keys_.erase(2);
    open(3);
    EXPECT_TRUE(keys_.can_be_opened_again(kQuickStart));
}

TEST_F(OpenKeysTest, SlownessIsForgottenWithTheLastKey) {
    open(1, kUnnoticedStart);
    EXPECT_FALSE(keys_.can_be_opened_again(0ms));
    keys_.erase(1);
    open(2);
    EXPECT_TRUE(keys_.can_be_opened_again(kQuickStart));
}

}  // namespace
}  // namespace ecryptfs::agent
