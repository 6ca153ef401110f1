// SPDX-License-Identifier: Apache-2.0

#include "agent/modules/job_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <vector>

#include "agent/runtime/time_limits.h"
#include "tests/unit/agent/new_key.h"
#include "tests/unit/support.h"

namespace ecryptfs::agent {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using namespace std::chrono_literals;
using test::FailsWith;

// Keys and jobs go by numbers. A job's input is its number.
class JobQueueTest : public ::testing::Test, protected JobSender {
  protected:
    struct Message {
        std::uint64_t id;
        std::uint64_t key;
        bool is_open;
        bool at_device;
        std::uint8_t job;  // 0 for an open
    };

    bool send_job(std::uint64_t id, const Job& job) override {
        if (sent_.size() >= room_) {
            return false;
        }
        sent_.push_back({id, job.key->id, !job.action, job.at_device,
                         job.action ? job.input.front() : std::uint8_t{0}});
        return true;
    }

    KeyRef key(std::uint64_t id) {
        auto& key = keys_[id];
        if (!key) {
            key = test::new_key(id);
        }
        return key;
    }
    Job job(std::uint64_t key_id, Clock::duration time_left = 2800ms) {
        const auto number = static_cast<std::uint8_t>(outcomes_.size() + 1);
        inputs_.push_back({number});
        auto& ends = outcomes_.emplace_back();
        return {key(key_id), base::FileKeyOperation::kDecrypt, inputs_.back(), now_ + time_left,
                [&ends](const Result<JobResult>& result) { ends.push_back(result); }};
    }
    Job person_opens(std::uint64_t key_id) {
        auto open = job(key_id, kOpenReplyLimit);
        open.action.reset();
        return open;
    }
    void add(Job job) {
        queue_.add(std::move(job));
        queue_.send_jobs(now_);
    }

    // The process answers the oldest message, or one further on.
    std::optional<Job> take_answered(std::size_t at = 0) {
        const auto message = sent_.at(at);
        sent_.erase(sent_.begin() + static_cast<std::ptrdiff_t>(at));
        return queue_.take_answered(message.id, now_);
    }
    void do_operation(std::size_t at = 0) {
        auto job = take_answered(at);
        ASSERT_TRUE(job);
        queue_.finish_operation(*job, JobResult{});
        queue_.send_jobs(now_);
    }
    void open_key() {
        auto job = take_answered();
        ASSERT_TRUE(job);
        ASSERT_FALSE(job->action);
        EXPECT_TRUE(queue_.settle_open(*job, true, now_));
        queue_.report_open(std::move(*job), JobResult{});
        queue_.send_jobs(now_);
    }
    // With a key 1 that is open.
    void open_first_key(std::uint32_t threads = 1) {
        queue_.set_threads(threads);
        add(person_opens(1));
        open_key();
        outcomes_.clear();
    }
    // As a process dies and another takes its place.
    void lose_process() {
        sent_.clear();
        queue_.lose_process({ErrorCode::kModuleFailed, "died"});
        queue_.send_jobs(now_);
    }
    // The numbers of the jobs that the process has.
    std::vector<int> jobs_sent() const {
        std::vector<int> jobs;
        for (const auto& message : sent_) {
            jobs.push_back(message.job);
        }
        return jobs;
    }
    // How the job ended; jobs have numbers from 1.
    const Result<JobResult>& outcome(std::size_t number) {
        EXPECT_EQ(outcomes_.at(number - 1).size(), 1U);
        return outcomes_.at(number - 1).front();
    }
    bool is_unanswered(std::size_t number) const { return outcomes_.at(number - 1).empty(); }

    Clock::time_point now_{1h};
    std::size_t room_ = 1000;
    std::vector<Message> sent_;  // and not answered
    std::map<std::uint64_t, std::shared_ptr<Key>> keys_;
    std::deque<test::Bytes> inputs_;
    std::deque<std::vector<Result<JobResult>>> outcomes_;
    JobQueue queue_{*this};
};

TEST_F(JobQueueTest, OpensKeyOnceBeforeItsFirstOperation) {
    queue_.set_threads(4);
    add(job(1));
    add(job(1));
    ASSERT_EQ(sent_.size(), 1U);
    EXPECT_TRUE(sent_.front().is_open);
    EXPECT_FALSE(queue_.keys().is_open(1));
    open_key();
    EXPECT_EQ(jobs_sent(), (std::vector{1, 2}));
    do_operation();
    do_operation();
    EXPECT_THAT(outcome(1), test::Succeeds());
    EXPECT_THAT(outcome(2), test::Succeeds());
    EXPECT_TRUE(queue_.empty());
    EXPECT_TRUE(queue_.keys().is_open(1));
}

TEST_F(JobQueueTest, OpeningOneKeyDoesNotDelayAnother) {
    open_first_key(4);
    add(job(2));
    add(job(1));
    ASSERT_EQ(sent_.size(), 2U);
    EXPECT_TRUE(sent_.front().is_open);
    EXPECT_EQ(sent_.back().key, 1U);
    do_operation(1);
    EXPECT_THAT(outcome(2), test::Succeeds());
}

TEST_F(JobQueueTest, FailedOpenFailsAllJobsOfTheKey) {
    queue_.set_threads(4);
    add(job(1));
    add(job(1));
    add(job(2));
    auto open = take_answered();
    EXPECT_TRUE(queue_.settle_open(*open, false, now_));
    queue_.report_open(std::move(*open), std::unexpected(Error{ErrorCode::kWrongSecret, "wrong"}));
    EXPECT_THAT(outcome(1), FailsWith(ErrorCode::kWrongSecret, "wrong"));
    EXPECT_THAT(outcome(2), FailsWith(ErrorCode::kWrongSecret, "wrong"));
    EXPECT_TRUE(is_unanswered(3));
    EXPECT_FALSE(queue_.keys().has(1));
}

TEST_F(JobQueueTest, SendsTwoJobsPerThreadToUnknownModule) {
    open_first_key(3);
    for (int i = 0; i < 20; ++i) {
        add(job(1));
    }
    EXPECT_EQ(sent_.size(), 6U);
}

TEST_F(JobQueueTest, SendsEightJobsPerThreadToQuickModule) {
    open_first_key(2);
    for (int i = 0; i < 100; ++i) {
        add(job(1));
        now_ += 50us;
        do_operation();
    }
    for (int i = 0; i < 40; ++i) {
        add(job(1));
    }
    EXPECT_EQ(sent_.size(), 16U);
}

TEST_F(JobQueueTest, SendsFourJobsPerThreadAt250Microseconds) {
    open_first_key(1);
    for (int i = 0; i < 100; ++i) {
        add(job(1));
        now_ += 250us;
        do_operation();
    }
    for (int i = 0; i < 40; ++i) {
        add(job(1));
    }
    EXPECT_EQ(sent_.size(), 4U);
}

TEST_F(JobQueueTest, ClampsImplausibleThreadCounts) {
    open_first_key(0);
    for (int i = 0; i < 200; ++i) {
        add(job(1));
    }
    EXPECT_EQ(sent_.size(), 2U);
    queue_.set_threads(1'000'000);
    queue_.send_jobs(now_);
    EXPECT_EQ(sent_.size(), 128U);
}

TEST_F(JobQueueTest, KeepsJobsThatFindNoRoom) {
    open_first_key(4);
    room_ = 1;
    for (int i = 0; i < 5; ++i) {
        add(job(1));
    }
    EXPECT_EQ(jobs_sent(), (std::vector{1}));
    for (std::size_t i = 1; i <= 5; ++i) {
        EXPECT_EQ(jobs_sent(), (std::vector{static_cast<int>(i)}));
        do_operation();
        EXPECT_THAT(outcome(i), test::Succeeds());
    }
    EXPECT_TRUE(queue_.empty());
}

TEST_F(JobQueueTest, OpensNoKeyWithoutRoom) {
    room_ = 0;
    add(job(1));
    EXPECT_FALSE(queue_.keys().has(1));
    room_ = 1;
    queue_.send_jobs(now_);
    open_key();
    do_operation();
    EXPECT_THAT(outcome(1), test::Succeeds());
}

TEST_F(JobQueueTest, RefusesUnknownAnswers) {
    open_first_key();
    add(job(1));
    EXPECT_FALSE(queue_.take_answered(sent_.front().id + 1, now_));
    EXPECT_FALSE(queue_.take_answered(0, now_));
    const auto id = sent_.front().id;
    do_operation();
    EXPECT_FALSE(queue_.take_answered(id, now_)) << "a second answer";
}

TEST_F(JobQueueTest, SendsNothingPastItsDeadline) {
    open_first_key();
    room_ = 0;
    add(job(1, 10ms));
    add(person_opens(2));
    now_ += 10ms;
    queue_.send_jobs(now_);
    EXPECT_TRUE(is_unanswered(1));
    now_ += kOpenReplyLimit;
    room_ = 1000;
    queue_.send_jobs(now_);
    EXPECT_TRUE(sent_.empty());
    EXPECT_THAT(outcome(1), FailsWith(ErrorCode::kTimedOut, "in time"));
    EXPECT_THAT(outcome(2), FailsWith(ErrorCode::kTimedOut, "in time"));
    EXPECT_TRUE(queue_.empty());
}

TEST_F(JobQueueTest, OverloadStartsOnlyJobsThatCanFinish) {
    open_first_key();
    for (int i = 0; i < 50; ++i) {
        add(job(1));
        now_ += 100ms;
        do_operation();
    }
    outcomes_.clear();
    add(job(1, 95ms));
    add(job(1, 105ms));
    EXPECT_THAT(outcome(1), FailsWith(ErrorCode::kTimedOut, "in time"));
    EXPECT_EQ(jobs_sent(), (std::vector{2}));
}

TEST_F(JobQueueTest, DeadlineFailsJobAndDropsLateAnswer) {
    open_first_key(1);
    for (int i = 0; i < 4; ++i) {
        add(job(1, 1s));
    }
    ASSERT_EQ(sent_.size(), 2U);
    queue_.expire(now_ + 1s);
    EXPECT_TRUE(is_unanswered(1));
    queue_.expire(now_ + 1s + 1ns);
    for (std::size_t i = 1; i <= 4; ++i) {
        EXPECT_THAT(outcome(i), FailsWith(ErrorCode::kTimedOut, "in time"));
    }
    EXPECT_TRUE(queue_.has_sent());
    EXPECT_FALSE(queue_.has_pending());
    do_operation();
    do_operation();
    EXPECT_TRUE(queue_.empty());
    EXPECT_EQ(outcomes_.at(0).size(), 1U);
}

TEST_F(JobQueueTest, ExpiredJobIsNotRepeated) {
    open_first_key();
    add(job(1, 1s));
    now_ += 2s;
    queue_.expire(now_);
    lose_process();
    EXPECT_TRUE(queue_.empty());
    EXPECT_EQ(outcomes_.at(0).size(), 1U);
}

TEST_F(JobQueueTest, RepeatsJobsOfDeadProcessInOrder) {
    open_first_key(2);
    for (int i = 0; i < 6; ++i) {
        add(job(1));
    }
    EXPECT_EQ(jobs_sent(), (std::vector{1, 2, 3, 4}));
    lose_process();
    open_key();
    for (int i = 1; i <= 6; ++i) {
        EXPECT_EQ(sent_.front().job, i);
        do_operation();
        EXPECT_THAT(outcome(static_cast<std::size_t>(i)), test::Succeeds());
    }
}

TEST_F(JobQueueTest, RepeatsStartedJobsOneAtATime) {
    open_first_key(2);
    for (int i = 0; i < 20; ++i) {
        add(job(1));
    }
    EXPECT_EQ(sent_.size(), 4U);
    lose_process();
    EXPECT_EQ(sent_.size(), 1U);
    open_key();
    EXPECT_EQ(jobs_sent(), (std::vector{1}));
    do_operation();
    EXPECT_EQ(jobs_sent(), (std::vector{2}));
    do_operation();
    EXPECT_EQ(jobs_sent(), (std::vector{3, 4, 5, 6})) << "nobody suspects these";
}

TEST_F(JobQueueTest, IdleDeathMakesNoJobSuspect) {
    open_first_key(2);
    lose_process();
    add(job(1));
    open_key();
    for (int i = 0; i < 20; ++i) {
        add(job(1));
    }
    EXPECT_EQ(sent_.size(), 4U);
}

TEST_F(JobQueueTest, FindsTheJobThatKillsHosts) {
    open_first_key(4);
    add(job(1));
    add(job(1));
    add(job(1));
    lose_process();  // by the second of them
    open_key();
    do_operation();
    EXPECT_EQ(jobs_sent(), (std::vector{2}));
    lose_process();
    EXPECT_THAT(outcome(2), FailsWith(ErrorCode::kModuleFailed, "died"));
    open_key();
    EXPECT_EQ(jobs_sent(), (std::vector{3}));
    do_operation();
    EXPECT_THAT(outcome(1), test::Succeeds());
    EXPECT_THAT(outcome(3), test::Succeeds());
}

TEST_F(JobQueueTest, FindsTheKeyWhoseOpenKillsHosts) {
    queue_.set_threads(4);
    add(job(1));
    add(job(2));
    add(job(3));
    EXPECT_EQ(sent_.size(), 3U);
    lose_process();  // by the second of them
    open_key();
    do_operation();
    EXPECT_EQ(sent_.size(), 1U);
    EXPECT_EQ(sent_.front().key, 2U);
    lose_process();
    EXPECT_THAT(outcome(2), FailsWith(ErrorCode::kModuleFailed, "died"));
    open_key();
    do_operation();
    EXPECT_THAT(outcome(1), test::Succeeds());
    EXPECT_THAT(outcome(3), test::Succeeds());
}

TEST_F(JobQueueTest, JobNotStartedIsNotSuspect) {
    open_first_key(1);
    add(job(1));
    add(job(1));
    lose_process();
    open_key();
    EXPECT_EQ(jobs_sent(), (std::vector{1}));
    lose_process();
    EXPECT_THAT(outcome(1), FailsWith(ErrorCode::kModuleFailed, "died"));
    open_key();
    lose_process();
    EXPECT_TRUE(is_unanswered(2)) << "this was its first time";
    open_key();
    do_operation();
    EXPECT_THAT(outcome(2), test::Succeeds());
}

TEST_F(JobQueueTest, OpenForAPersonIsNotRepeated) {
    add(person_opens(1));
    lose_process();
    EXPECT_THAT(outcome(1), FailsWith(ErrorCode::kModuleFailed, "died"));
    EXPECT_TRUE(queue_.empty());
    EXPECT_TRUE(sent_.empty());
}

TEST_F(JobQueueTest, OpenForRequestsIsRepeatedOnce) {
    add(job(1));
    add(job(1));
    lose_process();
    EXPECT_TRUE(sent_.front().is_open);
    EXPECT_TRUE(is_unanswered(1));
    lose_process();
    EXPECT_THAT(outcome(1), FailsWith(ErrorCode::kModuleFailed, "died"));
    EXPECT_THAT(outcome(2), FailsWith(ErrorCode::kModuleFailed, "died"));
    EXPECT_TRUE(queue_.empty());
}

TEST_F(JobQueueTest, OperationHangsOnlyAfterItsLimit) {
    open_first_key();
    add(job(1));
    EXPECT_FALSE(queue_.has_hung(now_ + kLeastOperationLimit));
    EXPECT_TRUE(queue_.has_hung(now_ + kLeastOperationLimit + 1ns));
    queue_.extend_limit();
    EXPECT_FALSE(queue_.has_hung(now_ + 2 * kLeastOperationLimit));
    EXPECT_TRUE(queue_.has_hung(now_ + 2 * kLeastOperationLimit + 1ns));
}

TEST_F(JobQueueTest, TimeQueuedInProcessDoesNotCount) {
    open_first_key(1);
    add(job(1));
    add(job(1));
    now_ += 1s;
    do_operation();
    EXPECT_FALSE(queue_.has_hung(now_ + kLeastOperationLimit));
    EXPECT_TRUE(queue_.has_hung(now_ + kGreatestOperationLimit));
}

TEST_F(JobQueueTest, OpenHangsAfterItsLongerLimit) {
    add(job(1, 1h));
    EXPECT_FALSE(queue_.has_hung(now_ + kOpenLimit));
    EXPECT_TRUE(queue_.has_hung(now_ + kOpenLimit + 1ns));
}

TEST_F(JobQueueTest, NothingHangsWhileSomebodyTypesAtDevice) {
    open_first_key(4);
    add(person_opens(2));
    auto open = take_answered();
    ASSERT_TRUE(queue_.reopen_at_device(*open));
    queue_.send_jobs(now_);
    EXPECT_TRUE(sent_.front().at_device);
    add(job(1));
    EXPECT_FALSE(queue_.has_hung(now_ + kTypingLimit));
    EXPECT_TRUE(queue_.has_hung(now_ + kTypingLimit + 1ns));
}

TEST_F(JobQueueTest, AsksAtDeviceOnceAndOnlyForAPerson) {
    add(job(1));
    auto for_request = take_answered();
    EXPECT_FALSE(queue_.reopen_at_device(*for_request));
    queue_.settle_open(*for_request, false, now_);
    queue_.report_open(std::move(*for_request), std::unexpected(key_locked_error()));
    add(person_opens(2));
    auto open = take_answered();
    EXPECT_TRUE(queue_.reopen_at_device(*open));
    EXPECT_TRUE(queue_.has_pending());
    queue_.send_jobs(now_);
    open = take_answered();
    EXPECT_TRUE(open->at_device);
    EXPECT_FALSE(queue_.reopen_at_device(*open));
    EXPECT_TRUE(is_unanswered(2));
}

TEST_F(JobQueueTest, ReleasedKeyIsNotAskedAtDevice) {
    add(person_opens(1));
    EXPECT_EQ(queue_.release_key(1), JobQueue::KeyState::kOpening);
    auto open = take_answered();
    EXPECT_FALSE(queue_.reopen_at_device(*open));
}

TEST_F(JobQueueTest, ReleaseTellsWhatTheProcessHas) {
    EXPECT_EQ(queue_.release_key(1), JobQueue::KeyState::kNone);
    add(person_opens(1));
    EXPECT_EQ(queue_.release_key(1), JobQueue::KeyState::kOpening);
    EXPECT_EQ(queue_.release_key(1), JobQueue::KeyState::kNone);
    add(person_opens(2));
    auto first = take_answered();
    EXPECT_FALSE(queue_.settle_open(*first, true, now_));
    open_key();
    EXPECT_EQ(queue_.release_key(2), JobQueue::KeyState::kOpen);
}

TEST_F(JobQueueTest, ReleaseFailsJobsOfThatKeyOnly) {
    open_first_key(1);
    add(job(1));
    add(job(1));
    add(job(1));
    add(job(2));
    queue_.release_key(1);
    queue_.fail_key_jobs(1, key_locked_error());
    EXPECT_TRUE(is_unanswered(1)) << "the process does it";
    EXPECT_THAT(outcome(3), FailsWith(ErrorCode::kKeyLocked, "locked"));
    EXPECT_TRUE(is_unanswered(4));
    do_operation();
    EXPECT_THAT(outcome(1), test::Succeeds());
    // A failure of the next one would tell of the closed key only.
    auto second = take_answered();
    queue_.finish_operation(*second, std::unexpected(Error{ErrorCode::kInternal, "no such key"}));
    EXPECT_THAT(outcome(2), FailsWith(ErrorCode::kKeyLocked, "locked"));
}

TEST_F(JobQueueTest, OperationWithReleasedKeyIsNotRepeated) {
    open_first_key();
    add(job(1));
    queue_.release_key(1);
    queue_.fail_key_jobs(1, key_locked_error());
    lose_process();
    EXPECT_THAT(outcome(1), FailsWith(ErrorCode::kModuleFailed, "died"));
    EXPECT_TRUE(sent_.empty());
}

TEST_F(JobQueueTest, UnusableModuleFailsAllJobs) {
    open_first_key(1);
    for (int i = 0; i < 5; ++i) {
        add(job(1));
    }
    queue_.fail_all({ErrorCode::kUnknownModule, "no such module"});
    for (std::size_t i = 1; i <= 5; ++i) {
        EXPECT_THAT(outcome(i), FailsWith(ErrorCode::kUnknownModule, "no such module"));
    }
    EXPECT_TRUE(queue_.empty());
    EXPECT_TRUE(queue_.keys().empty());
}

TEST_F(JobQueueTest, FailingJobsMayAddOthers) {
    open_first_key(1);
    int left = 50;
    std::function<Job()> next = [&] {
        auto another = job(1, 1s);
        another.done = [&, done = std::move(another.done)](Result<JobResult> result) mutable {
            done(std::move(result));
            if (--left > 0) {
                add(next());
            }
        };
        return another;
    };
    for (int i = 0; i < 5; ++i) {
        add(next());
    }
    queue_.fail_key_jobs(1, key_locked_error());
    now_ += 2s;
    queue_.expire(now_);
    while (left > 0) {
        sent_.clear();
        queue_.lose_process({ErrorCode::kModuleFailed, "died"});
        now_ += 2s;
        queue_.send_jobs(now_);
        queue_.expire(now_);
    }
    queue_.fail_all(key_locked_error());
    for (std::size_t i = 1; i <= outcomes_.size(); ++i) {
        outcome(i);
    }
}

TEST_F(JobQueueTest, KeepsNothingOfEndedJobs) {
    open_first_key();
    const auto token = std::make_shared<int>();
    for (int way = 0; way < 5; ++way) {
        auto kept = job(1, 1s);
        kept.done = [token](const Result<JobResult>& /*result*/) {};
        add(std::move(kept));
        ASSERT_EQ(sent_.size(), 1U) << way;
        switch (way) {
            case 0:
                do_operation();
                break;
            case 1:
                queue_.expire(now_ + 2s);
                do_operation();
                break;
            case 2:
                queue_.fail_all(key_locked_error());
                break;
            case 3:
                lose_process();
                open_key();
                lose_process();
                break;
            default:
                queue_.expire(now_ + 2s);  // the process still has it
        }
        EXPECT_EQ(token.use_count(), 1) << way;
        sent_.clear();
        queue_.fail_all(key_locked_error());
        add(person_opens(1));
        open_key();
    }
}

}  // namespace
}  // namespace ecryptfs::agent
