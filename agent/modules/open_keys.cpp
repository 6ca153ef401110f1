// SPDX-License-Identifier: Apache-2.0

#include "agent/modules/open_keys.h"

#include <algorithm>

#include "agent/runtime/time_limits.h"

namespace ecryptfs::agent {

void OpenKeys::record_opened(std::uint64_t key, bool at_device, Clock::time_point now) {
    auto& state = keys_.at(key);
    state.is_open = true;
    slowest_ = std::max(slowest_, now - state.asked_at);
    at_device_ = at_device_ || at_device;
}

bool OpenKeys::erase(std::uint64_t key) {
    const bool erased = keys_.erase(key) > 0;
    if (keys_.empty()) {
        *this = {};
    }
    return erased;
}

bool OpenKeys::is_open(std::uint64_t key) const {
    const auto found = keys_.find(key);
    return found != keys_.end() && found->second.is_open;
}

bool OpenKeys::can_be_opened_again(Clock::duration start) const {
    return keys_.empty() || (!at_device_ && start + slowest_ < kUnnoticedStart);
}

}  // namespace ecryptfs::agent
