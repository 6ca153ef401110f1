// SPDX-License-Identifier: Apache-2.0
//
// Which keys a host process has open, and whether another process could take its place unnoticed.
// Pure: it is told the time.

#pragma once

#include <cstdint>
#include <unordered_map>

#include "agent/runtime/time_source.h"

namespace ecryptfs::agent {

// Keys go by Key::id.
class OpenKeys {
  public:
    void record_opening(std::uint64_t key, Clock::time_point now) {
        keys_.insert_or_assign(key, State{now, false});
    }
    // `at_device` is set when a person typed the secret there, so that we cannot do it again.
    void record_opened(std::uint64_t key, bool at_device, Clock::time_point now);
    // Whether there was such a key.
    bool erase(std::uint64_t key);

    bool has(std::uint64_t key) const { return keys_.contains(key); }
    bool is_open(std::uint64_t key) const;
    bool empty() const { return keys_.empty(); }

    // Whether another process could open these keys, and the next to come, without a person's help
    // and so fast that a file's opener does not notice. `start` is how long a process takes to
    // start.
    bool can_be_opened_again(Clock::duration start) const;

  private:
    struct State {
        Clock::time_point asked_at;
        bool is_open;
    };

    std::unordered_map<std::uint64_t, State> keys_;
    Clock::duration slowest_ = {};  // to open
    bool at_device_ = false;        // some were opened there, and others may share that login
};

}  // namespace ecryptfs::agent
