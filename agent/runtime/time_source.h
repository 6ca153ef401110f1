// SPDX-License-Identifier: Apache-2.0
//
// The time and timers, as an interface: the event loop's in the agent, a fake in tests.

#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace ecryptfs::agent {

using Clock = std::chrono::steady_clock;

// Runs its handler once after each run_after(), until it is stopped or destroyed.
class Timer {
  public:
    Timer() = default;
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    virtual ~Timer() = default;

    // Replaces a delay that is not over yet.
    virtual void run_after(Clock::duration delay) = 0;
    virtual void stop() = 0;
};

class TimeSource {
  public:
    TimeSource() = default;
    TimeSource(const TimeSource&) = delete;
    TimeSource& operator=(const TimeSource&) = delete;
    virtual ~TimeSource() = default;

    virtual Clock::time_point now() const = 0;
    // Not running yet. Late by up to `accuracy`.
    virtual std::unique_ptr<Timer> make_timer(Clock::duration accuracy,
                                              std::move_only_function<void()> handler) = 0;
};

}  // namespace ecryptfs::agent
