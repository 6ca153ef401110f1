// SPDX-License-Identifier: Apache-2.0

#include "agent/modules/open_keys.h"

#include <algorithm>

namespace ecryptfs::agent {
namespace {

// Of the three seconds that the kernel waits, and most tokens' own work is yet to come.
constexpr auto kUnnoticed = std::chrono::milliseconds(500);

}  // namespace

void OpenKeys::opened(std::uint64_t key, bool at_device) {
    auto& state = keys_.at(key);
    state.is_open = true;
    slowest_ = std::max(slowest_, Clock::now() - state.asked_for);
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
    return keys_.empty() || (!at_device_ && start + slowest_ < kUnnoticed);
}

}  // namespace ecryptfs::agent
