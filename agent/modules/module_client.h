// SPDX-License-Identifier: Apache-2.0
//
// One PKI module as the broker sees it: a JobQueue, a HostProcess that does the jobs, and the
// protocol between them (docs/host-protocol.md). A process is started for the first job; when it
// dies, or makes no headway, another takes its place and what is unfinished is asked again.

#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string_view>

#include "agent/modules/closing_keys.h"
#include "agent/modules/host_launcher.h"
#include "agent/modules/host_process.h"
#include "agent/modules/job_queue.h"
#include "agent/runtime/log.h"
#include "agent/runtime/time_source.h"
#include "lib/base/error.h"
#include "lib/pki/host_protocol.h"

namespace ecryptfs::agent {

class ModuleClient : private HostListener, private JobSender {
  public:
    // Borrows the time and the launcher. `changed` is called when info() has something new.
    ModuleClient(TimeSource& time, HostLauncher& launcher, Clock::duration idle_time,
                 wire::PkiType module, std::function<void()> changed);

    void submit(Job job);

    // Has the process close and wipe the key. A process that does not confirm that in time is
    // killed; if nobody waits for it and the process has other work, only after a longer time. Jobs
    // that wait for the key fail with kKeyLocked.
    void close_key(const Key& key);
    // Has `wait` end no sooner than the keys that are being closed now.
    void add_wait(const std::shared_ptr<CloseWait>& wait);

    // As HostProcess::finish().
    pid_t finish() { return process_.finish(); }

    const HostInfo& info() const { return process_.info(); }

    // Whether nobody waits for it, and its module could not be used, when last tried, or has no
    // process, or one without keys.
    bool is_out_of_use() const;

  private:
    bool send_job(std::uint64_t id, const Job& job) override;
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
    std::optional<Job> take_answered(std::uint64_t id);
    void finish_open(Job job, const base::Result<JobResult>& result);
    void fail_open(Job job, const base::Error& why);

    void pump();
    void start_process();
    void refuse_jobs(Clock::duration time, const base::Error& why);
    void add_closing(const Key& key);
    void ask_to_close(const Key& key);
    void tick_soon();
    void tick();
    void rest();
    void log(Priority priority, std::string_view what) const;

    TimeSource& time_;
    std::function<void()> changed_;
    LogLimit text_limit_;
    HostProcess process_;
    JobQueue queue_;
    ClosingKeys closing_;  // of the process that runs
    std::unique_ptr<Timer> ticks_;
    bool is_ticking_ = false;
};

}  // namespace ecryptfs::agent
