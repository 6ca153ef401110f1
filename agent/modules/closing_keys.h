// SPDX-License-Identifier: Apache-2.0
//
// Keys that a host process is to close and that it may still have in its memory. Pure: it is told
// the time.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "agent/runtime/time_source.h"

namespace ecryptfs::agent {

// Calls back once, when all that was added is done and the wait was begun.
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
    // The process was asked to close a key that was added, once more if it was before.
    void asked(std::uint64_t key) { ++keys_.at(key).asked; }
    // The process says so, once for each time. False if it was not asked to.
    bool closed(std::uint64_t key);
    // The process could not open it, and has none unless it has one from before.
    void not_opened(std::uint64_t key);
    // And all its memory has gone with it.
    void process_ended();

    bool empty() const { return keys_.empty(); }
    // Whether the process has had more time than it may take: `patience` for keys that nobody
    // waits for, kCloseLimit for the others.
    bool is_late(Clock::time_point now, Clock::duration patience) const;

    // Adds those that are being closed now.
    void join(const std::shared_ptr<CloseWait>& wait);

  private:
    struct Closing {
        Clock::time_point since;
        std::vector<std::shared_ptr<CloseWait>> waits = {};
        int asked = 0;  // times that were not answered yet
    };
    using Keys = std::map<std::uint64_t, Closing>;
    void remove(Keys::iterator key);
    static void finish(const Closing& closing);

    Keys keys_;
};

}  // namespace ecryptfs::agent
