// SPDX-License-Identifier: Apache-2.0
//
// Keys that a host process must close and may still have in its memory. Pure: it is told the time.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "agent/runtime/time_source.h"

namespace ecryptfs::agent {

// Calls back once: when begin() was called, and finish_one() as often as add().
class CloseWait {
  public:
    explicit CloseWait(std::move_only_function<void()> done) : done_(std::move(done)) {}

    void add() { ++left_; }
    void finish_one() {
        if (--left_ == 0) {
            done_();
        }
    }
    // After the last add().
    void begin() { finish_one(); }

  private:
    std::move_only_function<void()> done_;
    std::size_t left_ = 1;
};

// Keys go by Key::id.
class ClosingKeys {
  public:
    // A key that is being closed already keeps its first time.
    void add(std::uint64_t key, Clock::time_point now) { keys_.try_emplace(key, Closing{now}); }
    // The process was asked to close a key that was added, maybe not for the first time.
    void record_request(std::uint64_t key) { ++keys_.at(key).asked; }
    // The process closed a key. It says so once for each request; false if there was none.
    bool record_close(std::uint64_t key);
    // The process could not open the key, and has none unless it was open before.
    void record_failed_open(std::uint64_t key);
    // All keys have gone with the process's memory.
    void end_process();

    bool empty() const { return keys_.empty(); }
    // Whether the process takes too long: more than `patience` over a key that nobody waits for, or
    // more than kCloseLimit over another.
    bool is_late(Clock::time_point now, Clock::duration patience) const;

    // Has `wait` include the keys that are being closed now.
    void add_wait(const std::shared_ptr<CloseWait>& wait);

  private:
    struct Closing {
        Clock::time_point since;
        std::vector<std::shared_ptr<CloseWait>> waits = {};
        int asked = 0;  // times, without an answer yet
    };
    using Keys = std::map<std::uint64_t, Closing>;
    void remove(Keys::iterator key);
    static void finish(const Closing& closing);

    Keys keys_;
};

}  // namespace ecryptfs::agent
