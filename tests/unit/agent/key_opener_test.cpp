// SPDX-License-Identifier: Apache-2.0

#include "agent/keys/key_opener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "agent/runtime/time_limits.h"
#include "tests/unit/agent/fake_key_hosts.h"
#include "tests/unit/agent/keys_support.h"
#include "tests/unit/agent/new_key.h"
#include "tests/unit/support.h"

namespace ecryptfs::agent {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using test::FailsWith;
using test::Succeeds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class KeyOpenerTest : public ::testing::Test {
  protected:
    KeyRef open() {
        KeyRef key = test::new_key(++last_id_);
        opener_.open(key, now_,
                     [this](const Result<OpenedKey>& opened) { answers_.push_back(opened); });
        return key;
    }

    const Clock::time_point now_{std::chrono::hours(5)};
    test::FakeKeyHosts hosts_;
    KeyOpener opener_{hosts_};
    std::uint64_t last_id_ = 0;
    std::vector<Result<OpenedKey>> answers_;
};

TEST_F(KeyOpenerTest, SubmitsJobWithDeadlineForSlowTokens) {
    const auto key = open();
    ASSERT_THAT(hosts_.jobs(), SizeIs(1));
    const auto& job = hosts_.jobs().front();
    EXPECT_EQ(job.key, key);
    EXPECT_FALSE(job.action);
    EXPECT_EQ(job.deadline, now_ + kOpenReplyLimit);
    EXPECT_THAT(answers_, IsEmpty());
}

TEST_F(KeyOpenerTest, AnswerOutlivesTheHostsViews) {
    open();
    {
        std::string warning = "it is readable by others";
        std::string locator = "file:///settled.pem";
        hosts_.finish(0, JobResult{{}, test::signature(1), warning, locator});
        warning.assign(warning.size(), 'x');
        locator.assign(locator.size(), 'x');
    }
    ASSERT_THAT(answers_, SizeIs(1));
    ASSERT_THAT(answers_[0], Succeeds());
    EXPECT_EQ(answers_[0]->signature, test::signature(1));
    EXPECT_EQ(answers_[0]->warning, "it is readable by others");
    EXPECT_EQ(answers_[0]->locator, "file:///settled.pem");
}

TEST_F(KeyOpenerTest, PassesErrorOn) {
    open();
    hosts_.finish(0, std::unexpected(Error{ErrorCode::kWrongSecret, "no"}));
    ASSERT_THAT(answers_, SizeIs(1));
    EXPECT_THAT(answers_[0], FailsWith(ErrorCode::kWrongSecret, "no"));
}

TEST_F(KeyOpenerTest, RefusesOpenedKeyWithoutSignature) {
    open();
    hosts_.finish(0, JobResult{});
    ASSERT_THAT(answers_, SizeIs(1));
    EXPECT_THAT(answers_[0], FailsWith(ErrorCode::kModuleFailed, "did not say which"));
}

TEST_F(KeyOpenerTest, ImmediateFailureAnswersEachCaller) {
    hosts_.refuse({ErrorCode::kOverloaded, "full"});
    open();
    open();
    ASSERT_THAT(answers_, SizeIs(2));
    EXPECT_THAT(answers_[1], FailsWith(ErrorCode::kOverloaded, "full"));
}

TEST_F(KeyOpenerTest, CloseAnswersWhoWaitsForTheKey) {
    const auto first = open();
    open();
    opener_.close(std::vector<KeyRef>{first});
    EXPECT_THAT(hosts_.closed(), ElementsAre(first->id));
    ASSERT_THAT(answers_, SizeIs(1));
    EXPECT_THAT(answers_[0], FailsWith(ErrorCode::kKeyLocked, "locked"));
    EXPECT_THAT(hosts_.jobs(), SizeIs(1));
}

}  // namespace
}  // namespace ecryptfs::agent
