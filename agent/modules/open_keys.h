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
    void opening(std::uint64_t key, Clock::time_point now) {
        keys_.insert_or_assign(key, State{now, false});
    }
    // `at_device` is set when a person typed the secret there, so that we cannot do it again.
    void opened(std::uint64_t key, bool at_device, Clock::time_point now);
    // Whether there was such a key.
    bool erase(std::uint64_t key);

    bool has(std::uint64_t key) const { return keys_.contains(key); }
    bool is_open(std::uint64_t key) const;
    bool empty() const { return keys_.empty(); }

    // Whether any of them, or the next to come, can be opened again without anybody's help and so
    // fast that a file's opener does not notice. `start` is the time that a process takes to begin.
    bool can_be_opened_again(Clock::duration start) const;

  private:
    struct State {
        Clock::time_point asked_for;
        bool is_open;
    };

    std::unordered_map<std::uint64_t, State> keys_;
    Clock::duration slowest_ = {};  // to open
    bool at_device_ = false;        // some were, and others may share that login
};

}  // namespace ecryptfs::agent
