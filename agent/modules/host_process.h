// SPDX-License-Identifier: Apache-2.0
//
// The process of one PKI module: when one may be started, whether it has said its greeting, how
// long it may be idle, and how it ends. Pure but for its launcher: it is told the time.

#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "agent/modules/host_launcher.h"
#include "agent/runtime/time_source.h"
#include "lib/base/error.h"
#include "lib/wire/auth_token.h"

namespace ecryptfs::agent {

// What the status listing shows.
struct HostInfo {
    std::string version;
    std::string description;
    pid_t pid = 0;  // 0 if there is no process now
    std::chrono::system_clock::time_point started_at;
    std::uint32_t restarts = 0;
};

class HostProcess {
  public:
    // Borrows the launcher and the listener. A process that is idle for `idle_time` is ended.
    HostProcess(HostLauncher& launcher, HostListener& listener, wire::PkiType module,
                Clock::duration idle_time);

    const wire::PkiType& module() const { return module_; }
    const HostInfo& info() const { return info_; }
    bool is_running() const { return running_ != nullptr; }
    bool is_greeted() const { return is_greeted_; }
    // Whether there is a process, be it one that is ending.
    bool exists() const { return running_ || retired_; }
    // From the start to the greeting.
    Clock::duration start_time() const { return start_time_; }

    // Whether there is none, and no pause to be made.
    bool may_start(Clock::time_point now) const { return !running_ && now >= not_before_; }
    base::Result<void> start(Clock::time_point now);
    void accept_greeting(const pki::Hello& greeting, Clock::time_point now);
    bool is_late_to_greet(Clock::time_point now) const;
    bool send(const pki::ToHost& message) { return running_ && running_->send(message); }
    // It does its work: the next one may be started at once.
    void record_answer() { losses_in_a_row_ = 0; }

    // Kills it. Another may take its place, after a pause if the last ones died without an answer.
    void lose(Clock::time_point now);
    // Kills it, and starts no other until then: the module cannot be used.
    void refuse(Clock::time_point until, base::Error why);
    // Why the last process was no use; nothing once another runs.
    const std::optional<base::Error>& refusal() const { return refusal_; }

    // Somebody needs the process.
    void interrupt_rest() { idle_since_.reset(); }
    // Nobody needs the process. Ends it when that has lasted, unless its place could not be taken
    // unnoticed. The time after which to call again; nothing if it need not be.
    std::optional<Clock::duration> rest(Clock::time_point now, bool is_replaceable);

    // Kills the last one, if it is still ending.
    void kill_retired();
    // For when the loop runs no more: has the process close its keys and end. Its number; 0 if
    // there is none.
    pid_t finish();

  private:
    void retire();

    HostLauncher& launcher_;
    HostListener& listener_;
    wire::PkiType module_;
    Clock::duration idle_time_;
    HostInfo info_;

    std::unique_ptr<RunningHost> running_;
    std::unique_ptr<RunningHost> retired_;  // ending or ended, but maybe still on the call stack
    bool is_greeted_ = false;
    Clock::time_point started_at_;
    Clock::duration start_time_ = {};
    std::optional<Clock::time_point> idle_since_;

    int losses_in_a_row_ = 0;
    Clock::time_point not_before_;
    std::optional<base::Error> refusal_;
};

}  // namespace ecryptfs::agent
