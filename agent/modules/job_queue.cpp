// SPDX-License-Identifier: Apache-2.0

#include "agent/modules/job_queue.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include "agent/runtime/time_limits.h"

namespace ecryptfs::agent {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using namespace std::chrono_literals;

constexpr int kMaxAttempts = 2;
// Jobs that a thread of the process is given at once. More than one keeps it busy while an answer
// is on its way, and spares both sides most wake-ups where a job takes less time than those. A job
// that was sent cannot be taken back, so no more are sent than are done soon.
constexpr std::size_t kLeastAtOnce = 2;
constexpr std::size_t kMostAtOnce = 8;
constexpr Clock::duration kSoon = 1ms;
constexpr std::uint32_t kMaxThreads = 64;

Error late_error() {
    return {ErrorCode::kTimedOut, "the PKI module gave no answer in time"};
}

void fail(std::vector<Job>& jobs, const Error& why) {
    for (auto& job : jobs) {
        job.done(std::unexpected(why));
    }
}

}  // namespace

Error key_locked_error() {
    return {ErrorCode::kKeyLocked, "the key was locked"};
}

void JobQueue::set_threads(std::uint32_t threads) {
    threads_ = std::clamp(threads, 1U, kMaxThreads);
}

// Under overload starts only jobs that can still meet their deadline; otherwise all miss it.
bool JobQueue::is_hopeless(const Job& job, Clock::time_point now) const {
    return now + (job.action ? times_.usual() : 0s) > job.deadline;
}

// Jobs that a process died over are sent one at a time, which tells which of them kills it.
std::size_t JobQueue::window() const {
    if (has_suspects_) {
        return 1;
    }
    const auto usual = times_.usual();
    const auto soon = usual > 0s ? static_cast<std::size_t>(kSoon / usual) : 0;
    return threads_ * std::clamp(soon, kLeastAtOnce, kMostAtOnce);
}

void JobQueue::review_suspects() {
    const auto is_suspect = [](const Job& job) { return job.attempts > 0 || job.lost_opens > 0; };
    has_suspects_ =
        has_suspects_ &&
        (std::ranges::any_of(pending_, is_suspect) ||
         std::ranges::any_of(sent_, [&](const auto& sent) { return is_suspect(sent.second.job); }));
}

void JobQueue::send_jobs(Clock::time_point now) {
    review_suspects();
    std::vector<Job> hopeless;
    const auto most = window();
    auto job = pending_.begin();
    while (job != pending_.end() && sent_.size() < most) {
        const auto key = job->key->id;
        if (is_hopeless(*job, now)) {
            hopeless.push_back(std::move(*job));
            job = pending_.erase(job);
        } else if (job->action && !keys_.has(key)) {
            Job open{job->key, {}, {}, now + kOpenLimit, {}};
            if (!send_job(open, now)) {
                break;
            }
        } else if (job->action && !keys_.is_open(key)) {
            ++job;
        } else if (send_job(*job, now)) {
            job = pending_.erase(job);
        } else {
            break;
        }
    }
    mark_started(now);
    if (!hopeless.empty()) {
        fail(hopeless, late_error());  // last, as done() may add others
    }
}

// Moves the job to those that were sent.
bool JobQueue::send_job(Job& job, Clock::time_point now) {
    const std::uint64_t id = ++last_id_;
    if (!sender_.send_job(id, job)) {
        return false;
    }
    if (!job.action) {
        keys_.record_opening(job.key->id, now);
    }
    sent_.emplace(id, Sent{std::move(job), std::nullopt});
    return true;
}

// The process takes messages in order, one a thread.
void JobQueue::mark_started(Clock::time_point now) {
    std::uint32_t working = 0;
    for (auto& [id, sent] : sent_) {
        if (working++ == threads_) {
            return;
        }
        if (!sent.started) {
            sent.started = now;
        }
    }
}

std::optional<Job> JobQueue::take_answered(std::uint64_t id, Clock::time_point now) {
    auto node = sent_.extract(id);
    if (node.empty()) {
        return std::nullopt;
    }
    mark_started(now);
    const auto& [job, started] = node.mapped();
    if (job.action && started) {
        times_.add(now - *started);
    }
    return std::move(node.mapped().job);
}

// A thread of the process that closes the key may be faster than the one that was to work with it:
// that failure says nothing of the key.
void JobQueue::finish_operation(Job& job, const Result<JobResult>& result) const {
    if (job.done && (result || keys_.has(job.key->id))) {
        job.done(result);
    } else if (job.done) {
        job.done(std::unexpected(key_locked_error()));
    }
}

bool JobQueue::settle_open(const Job& job, bool is_open, Clock::time_point now) {
    const auto key = job.key->id;
    const bool is_wanted = keys_.has(key);  // not released in the meantime
    if (is_wanted && is_open) {
        keys_.record_opened(key, job.at_device, now);
    } else {
        keys_.erase(key);
    }
    return is_wanted;
}

void JobQueue::report_open(Job job, const Result<JobResult>& outcome) {
    if (job.done) {
        job.done(outcome);
    }
    if (!outcome) {
        fail_key_jobs(job.key->id, outcome.error());
    }
}

bool JobQueue::reopen_at_device(Job& job) {
    if (job.action || !job.done || job.at_device || !keys_.has(job.key->id)) {
        return false;
    }
    job.at_device = true;
    keys_.erase(job.key->id);
    pending_.push_front(std::move(job));
    return true;
}

JobQueue::KeyState JobQueue::release_key(std::uint64_t key) {
    const auto state = keys_.is_open(key) ? KeyState::kOpen
                       : keys_.has(key)   ? KeyState::kOpening
                                          : KeyState::kNone;
    keys_.erase(key);
    for (auto& [id, sent] : sent_) {
        if (sent.job.key->id == key) {
            sent.job.attempts = kMaxAttempts;  // to repeat it would open the key again
        }
    }
    return state;
}

void JobQueue::fail_key_jobs(std::uint64_t key, const Error& why) {
    fail_pending([=](const Job& job) { return job.key->id == key; }, why);
}

void JobQueue::lose_process(const Error& why) {
    has_suspects_ = true;
    keys_ = {};
    auto unfinished = std::move(sent_);
    sent_.clear();
    std::vector<Job> failed;
    for (auto& [id, sent] : std::views::reverse(unfinished)) {
        sent.job.attempts += sent.started ? 1 : 0;
        retry_or_fail(std::move(sent.job), failed);
    }
    take_pending([](const Job& job) { return job.lost_opens >= kMaxAttempts; }, failed);
    fail(failed, why);
}

// An open may have cost one of a card's few attempts: one that a person waits for is not repeated,
// one for requests once. An operation that nobody waits for any more says nothing of its key.
void JobQueue::retry_or_fail(Job job, std::vector<Job>& failed) {
    if (!job.action && !job.done) {
        for (auto& waiting : pending_) {
            waiting.lost_opens += waiting.key->id == job.key->id ? 1 : 0;
        }
    } else if (job.action && job.done && job.attempts < kMaxAttempts) {
        pending_.push_front(std::move(job));
    } else if (job.done) {
        failed.push_back(std::move(job));
    }
}

void JobQueue::fail_all(const Error& why) {
    keys_ = {};
    std::vector<Job> failed;
    take_pending([](const Job& /*job*/) { return true; }, failed);
    auto unfinished = std::move(sent_);
    sent_.clear();
    for (auto& [id, sent] : unfinished) {
        if (sent.job.done) {
            failed.push_back(std::move(sent.job));
        }
    }
    fail(failed, why);
}

void JobQueue::expire(Clock::time_point now) {
    std::vector<Job> late;
    take_pending([=](const Job& job) { return job.deadline < now; }, late);
    for (auto& [id, sent] : sent_) {
        if (sent.job.deadline < now && sent.job.done) {
            Job told{sent.job.key, {}, {}, {}, std::exchange(sent.job.done, {})};
            late.push_back(std::move(told));
            if (!sent.job.action) {
                keys_.erase(sent.job.key->id);  // nobody will know that it is open
            }
        }
    }
    fail(late, late_error());
}

bool JobQueue::has_hung(Clock::time_point now) const {
    const auto opens_at_device = [](const auto& entry) {
        return !entry.second.job.action && entry.second.job.at_device;
    };
    // While somebody types, some libraries do nothing else.
    const bool somebody_types = std::ranges::any_of(sent_, opens_at_device);
    return std::ranges::any_of(sent_, [&](const auto& entry) {
        const auto& [job, started] = entry.second;
        const auto limit = somebody_types ? kTypingLimit : job.action ? times_.limit() : kOpenLimit;
        return started && now - *started > limit;
    });
}

template <typename Matches>
void JobQueue::take_pending(Matches matches, std::vector<Job>& taken) {
    std::pmr::deque<Job> kept(&memory_);
    for (auto& job : pending_) {
        if (matches(job)) {
            taken.push_back(std::move(job));
        } else {
            kept.push_back(std::move(job));
        }
    }
    pending_ = std::move(kept);
}

template <typename Matches>
void JobQueue::fail_pending(Matches matches, const Error& why) {
    std::vector<Job> failed;
    take_pending(matches, failed);
    fail(failed, why);  // after that, as done() may add others
}

}  // namespace ecryptfs::agent
