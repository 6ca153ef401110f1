// SPDX-License-Identifier: Apache-2.0
//
// Time that passes only when a test says so.

#pragma once

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "agent/runtime/time_source.h"

namespace ecryptfs::test {

using agent::Clock;

class FakeTime : public agent::TimeSource {
  public:
    Clock::time_point now() const override { return now_; }

    std::unique_ptr<agent::Timer> make_timer(Clock::duration /*accuracy*/,
                                             std::move_only_function<void()> handler) override {
        return std::make_unique<FakeTimer>(*this, std::move(handler));
    }

    // Runs the timers that become due, each at its time.
    void advance(Clock::duration time) {
        const auto end = now_ + time;
        while (auto* timer = next_timer(end)) {
            now_ = std::max(now_, *std::exchange(timer->due, std::nullopt));
            timer->handler();
        }
        now_ = end;
    }

    std::size_t running_timers() const {
        return static_cast<std::size_t>(std::ranges::count_if(
            timers_, [](const auto* timer) { return timer->due.has_value(); }));
    }

  private:
    struct FakeTimer : agent::Timer {
        FakeTimer(FakeTime& owner, std::move_only_function<void()> run)
            : time(owner), handler(std::move(run)) {
            time.timers_.push_back(this);
        }
        ~FakeTimer() override { std::erase(time.timers_, this); }

        void run_after(Clock::duration delay) override { due = time.now_ + delay; }
        void stop() override { due.reset(); }

        FakeTime& time;
        std::move_only_function<void()> handler;
        std::optional<Clock::time_point> due;
    };

    FakeTimer* next_timer(Clock::time_point end) const {
        FakeTimer* next = nullptr;
        for (auto* timer : timers_) {
            if (timer->due && *timer->due <= end && (!next || *timer->due < *next->due)) {
                next = timer;
            }
        }
        return next;
    }

    Clock::time_point now_{std::chrono::hours(1)};
    std::vector<FakeTimer*> timers_;
};

}  // namespace ecryptfs::test
