// SPDX-License-Identifier: Apache-2.0
//
// One PKI module as the broker sees it: a queue of jobs, and a process that does them. The process
// is started for the first job; when it dies, or makes no headway, another takes its place and what
// is unfinished is asked again. After a while without jobs it is ended, where the next one can do
// without it.

#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <memory_resource>
#include <optional>
#include <string>

#include "agent/keys/key.h"
#include "agent/modules/closing_keys.h"
#include "agent/modules/host_connection.h"
#include "agent/modules/open_keys.h"
#include "agent/modules/operation_times.h"
#include "agent/runtime/event_loop.h"
#include "agent/runtime/log.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/pki/host_protocol.h"

namespace ecryptfs::agent {

// What a job gave; views end with the call. An operation gives output, an open the others.
struct JobResult {
    base::ByteView output;
    std::optional<wire::KeySignature> signature;
    std::string_view warning;
    std::string_view locator;  // settled by the module, else empty
};

// To open a key (no action), or to do something with it; a key that is not open yet is opened
// first. `done` is called exactly once, maybe before submit() returns; `input` must last until
// then.
struct Job {
    KeyRef key;
    std::optional<pki::KeyAction> action;
    base::ByteView input;
    Clock::time_point deadline;
    std::move_only_function<void(base::Result<JobResult>)> done;
    int attempts = 0;        // that ended with the process
    int lost_opens = 0;      // of its key, likewise, while it waited
    bool at_device = false;  // the secret may be asked for by the device itself: somebody waits
};

struct HostSettings {
    pki::HostPaths paths;
    std::chrono::milliseconds idle_time{std::chrono::minutes(5)};  // after which a process is ended
};

// What the status listing shows.
struct HostInfo {
    std::string version;
    std::string description;
    pid_t pid = 0;  // 0 if there is no process now
    std::chrono::system_clock::time_point started_at;
    std::uint32_t restarts = 0;
};

class Host : private HostConnectionUser {
  public:
    // Borrows the loop. `changed` is called when info() has something new.
    Host(EventLoop& loop, HostSettings settings, wire::PkiType module,
         std::function<void()> changed);

    void submit(Job job);

    // Has the process close and wipe the key; one that does not say in time that it has is killed:
    // late if nobody waits for it and the process has other work.
    // Jobs that wait for it fail with kKeyLocked.
    void close_key(const Key& key);
    // Adds the keys that are being closed to those that are waited for.
    void join(const std::shared_ptr<CloseWait>& wait);

    // Has the process close its keys and end, for when the loop runs no more. Its number; 0 if
    // there is none.
    pid_t finish();

    const HostInfo& info() const { return info_; }

    // Whether nobody waits for it, and its module could not be used, when last tried, or has no
    // process, or one without keys.
    bool is_out_of_use() const {
        const bool is_idle = pending_.empty() && sent_.empty() && closing_.empty();
        const bool has_process = connection_ || retired_;
        return is_idle && (refusal_ || !has_process || (greeted_ && keys_.empty()));
    }

  private:
    // A job that the process has. `started` is set once it must be among those worked on.
    struct Sent {
        Job job;
        std::optional<Clock::time_point> started;
    };

    void tell_to_close(const Key& key);
    void pump();
    std::size_t window() const;
    void send_pending();
    bool is_hopeless(const Job& job, Clock::time_point now) const;
    bool send_job(Job& job);
    void mark_started();

    void message_arrived(const pki::FromHost& message) override;
    void messages_read() override { pump(); }
    void text_arrived(std::string_view text) override;
    void connection_lost(const base::Error& why) override;
    void handle(const pki::Hello& message);
    void handle(const pki::Refusal& message);
    void handle(const pki::Opened& message);
    void handle(const pki::Done& message);
    void handle(const pki::Failed& message);
    void handle(const pki::Closed& message);
    void handle(const pki::Item& message);
    void end_unreliable_process();
    std::optional<Job> take_sent(std::uint64_t id);
    void finish_open(Job job, const base::Result<JobResult>& result);
    void fail_open(Job job, const base::Error& why);
    void report_open(Job job, const base::Result<JobResult>& outcome);

    void connect();
    void disconnect();
    void refuse_for(Clock::duration time, base::Error why);
    void retry_or_fail(Job job, const base::Error& why);
    void tick_soon();
    void tick();
    void rest(Clock::time_point now);
    void expire_jobs(Clock::time_point now);
    bool has_hung(Clock::time_point now) const;
    bool is_late_to_close(Clock::time_point now) const;

    template <typename Matches>
    void fail_pending(Matches matches, const base::Error& why);

    EventLoop& loop_;
    HostSettings settings_;
    wire::PkiType module_;
    std::function<void()> changed_;
    HostInfo info_;
    LogLimit text_limit_;

    std::unique_ptr<HostConnection> connection_;
    std::unique_ptr<HostConnection> retired_;  // ending or ended, but maybe still on the call stack
    Clock::time_point connected_at_;
    Clock::duration start_took_ = {};
    std::optional<Clock::time_point> idle_since_;
    bool greeted_ = false;
    std::uint32_t threads_ = 1;

    int losses_in_a_row_ = 0;
    Clock::time_point connect_not_before_;
    std::optional<base::Error> refusal_;  // holds until connect_not_before_

    OperationTimes times_;
    std::uint64_t last_id_ = 0;
    std::pmr::unsynchronized_pool_resource memory_;  // of the next two
    std::pmr::deque<Job> pending_{&memory_};
    std::pmr::map<std::uint64_t, Sent> sent_{&memory_};  // by id, which is the order of sending
    OpenKeys keys_;                                      // of this connection
    ClosingKeys closing_;                                // likewise
    EventLoop::Source ticks_;
    bool ticking_ = false;
};

}  // namespace ecryptfs::agent
