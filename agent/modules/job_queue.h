// SPDX-License-Identifier: Apache-2.0
//
// The jobs for one PKI module: those that wait, those that its process has, and the keys that it
// has open for them. Decides which jobs are sent and when, and which are repeated after the
// process died; answers each job once. Pure: it is told the time, and sends by a JobSender.

#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory_resource>
#include <optional>
#include <vector>

#include "agent/modules/job.h"
#include "agent/modules/open_keys.h"
#include "agent/modules/operation_times.h"

namespace ecryptfs::agent {

class JobSender {
  public:
    JobSender() = default;
    JobSender(const JobSender&) = delete;
    JobSender& operator=(const JobSender&) = delete;
    virtual ~JobSender() = default;

    // Sends the job to the process, which answers with the same id. False if the process takes no
    // more for now: it still has others then, and their answers bring the queue back here.
    virtual bool send_job(std::uint64_t id, const Job& job) = 0;
};

class JobQueue {
  public:
    // What the process has of a key.
    enum class KeyState : std::uint8_t { kNone, kOpening, kOpen };

    // Borrows the sender.
    explicit JobQueue(JobSender& sender) : sender_(sender) {}

    void add(Job job) { pending_.push_back(std::move(job)); }
    // Of the process that jobs are now sent to.
    void set_threads(std::uint32_t threads);
    // Sends as many jobs as the process may have.
    void send_jobs(Clock::time_point now);

    // The job that the process answers. Nothing if it has none with this id.
    std::optional<Job> take_answered(std::uint64_t id, Clock::time_point now);
    // How an operation ended.
    void finish_operation(Job& job, const base::Result<JobResult>& result) const;
    // An open ended, with the key open or not. Whether somebody still wants the key; if not, it is
    // not kept. report_open() is to follow.
    bool settle_open(const Job& job, bool is_open, Clock::time_point now);
    void report_open(Job job, const base::Result<JobResult>& outcome);
    // Opens the key once more, now with the device asking for the secret. False if nobody waits in
    // person, or the device has asked already: the job is left as it is.
    bool reopen_at_device(Job& job);

    // Forgets a key that must not be used any more, and does not repeat what the process does with
    // it. fail_key_jobs() is to follow. Gives what the process has of it.
    KeyState release_key(std::uint64_t key);
    void fail_key_jobs(std::uint64_t key, const base::Error& why);

    // The process has died, and all keys in it: repeats or fails the jobs that it had.
    void lose_process(const base::Error& why);
    // The process was ended as nobody needs it.
    void end_process() { keys_ = {}; }
    // There is no process, nor will there be one soon.
    void fail_all(const base::Error& why);

    // Fails the jobs that are past their deadline. The process goes on with those that it has.
    void expire(Clock::time_point now);
    // Whether the process works on a job for longer than it may.
    bool has_hung(Clock::time_point now) const;
    // What is taken to hang may be slow: the next operation gets more time.
    void extend_limit() { times_.extend_limit(); }

    bool has_pending() const { return !pending_.empty(); }
    bool has_sent() const { return !sent_.empty(); }
    bool empty() const { return pending_.empty() && sent_.empty(); }
    const OpenKeys& keys() const { return keys_; }

  private:
    // `started` is set once the process must be working on the job.
    struct Sent {
        Job job;
        std::optional<Clock::time_point> started;
    };

    std::size_t window() const;
    void review_suspects();
    bool is_hopeless(const Job& job, Clock::time_point now) const;
    bool send_job(Job& job, Clock::time_point now);
    void mark_started(Clock::time_point now);
    void retry_or_fail(Job job, std::vector<Job>& failed);

    template <typename Matches>
    void take_pending(Matches matches, std::vector<Job>& taken);
    template <typename Matches>
    void fail_pending(Matches matches, const base::Error& why);

    JobSender& sender_;
    std::uint32_t threads_ = 1;
    bool has_suspects_ = false;  // jobs that a process died over
    OperationTimes times_;
    std::uint64_t last_id_ = 0;
    std::pmr::unsynchronized_pool_resource memory_;  // of the next two
    std::pmr::deque<Job> pending_{&memory_};
    std::pmr::map<std::uint64_t, Sent> sent_{&memory_};  // by id, which is the order of sending
    OpenKeys keys_;
};

base::Error key_locked_error();

}  // namespace ecryptfs::agent
