// SPDX-License-Identifier: Apache-2.0

#include "agent/modules/host_process.h"

#include <algorithm>
#include <utility>

#include "agent/runtime/time_limits.h"
#include "lib/base/try.h"

namespace ecryptfs::agent {
namespace {

using base::Error;
using base::Result;
using namespace std::chrono_literals;

constexpr int kLossesWithoutPause = 3;

Clock::duration pause_length(int losses_in_a_row) {
    const int surplus = losses_in_a_row - kLossesWithoutPause;
    return surplus < 0
               ? 0s
               : std::min<Clock::duration>(100ms * (1 << std::min(surplus, 10)), kLongestPause);
}

}  // namespace

HostProcess::HostProcess(HostLauncher& launcher, HostListener& listener, wire::PkiType module,
                         Clock::duration idle_time)
    : launcher_(launcher), listener_(listener), module_(std::move(module)), idle_time_(idle_time) {}

Result<void> HostProcess::start(Clock::time_point now) {
    running_ = TRY(launcher_.start(listener_, module_));
    refusal_.reset();
    started_at_ = now;
    info_.pid = running_->pid();
    info_.started_at = std::chrono::system_clock::now();
    return {};
}

void HostProcess::accept_greeting(const pki::Hello& greeting, Clock::time_point now) {
    is_greeted_ = true;
    start_time_ = now - started_at_;
    info_.version = greeting.version;
    info_.description = greeting.description;
}

bool HostProcess::is_late_to_greet(Clock::time_point now) const {
    return running_ && !is_greeted_ && now - started_at_ > kGreetingLimit;
}

void HostProcess::lose(Clock::time_point now) {
    retire();
    ++info_.restarts;
    not_before_ = now + pause_length(++losses_in_a_row_);
}

void HostProcess::refuse(Clock::time_point until, Error why) {
    retire();
    not_before_ = until;
    refusal_ = std::move(why);
}

void HostProcess::retire() {
    if (running_) {
        running_->end();
        retired_ = std::move(running_);
    }
    is_greeted_ = false;
    info_.pid = 0;
}

std::optional<Clock::duration> HostProcess::rest(Clock::time_point now, bool is_replaceable) {
    retired_.reset();  // it has had its time to end
    if (!running_ || !is_greeted_ || !is_replaceable) {
        return std::nullopt;
    }
    const auto ends_at = idle_since_.emplace(idle_since_.value_or(now)) + idle_time_;
    if (now < ends_at) {
        return ends_at - now;
    }
    running_->finish();
    retired_ = std::move(running_);
    retire();
    return kIdleEndLimit;
}

void HostProcess::kill_retired() {
    if (retired_) {
        retired_->end();
    }
}

pid_t HostProcess::finish() {
    if (!running_) {
        return 0;
    }
    running_->finish();
    return running_->pid();
}

}  // namespace ecryptfs::agent
