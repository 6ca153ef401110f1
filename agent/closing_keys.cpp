// SPDX-License-Identifier: Apache-2.0

#include "agent/closing_keys.h"

#include <algorithm>

namespace ecryptfs::agent {

bool ClosingKeys::closed(std::uint64_t key) {
    const auto closing = keys_.extract(key);
    if (closing) {
        finish(closing.mapped());
    }
    return !closing.empty();
}

void ClosingKeys::process_ended() {
    for (const auto& [key, closing] : std::exchange(keys_, {})) {
        finish(closing);
    }
}

bool ClosingKeys::is_late(Clock::time_point now) const {
    return std::ranges::any_of(
        keys_, [=](const auto& entry) { return now - entry.second.since > kLimit; });
}

void ClosingKeys::join(const std::shared_ptr<CloseWait>& wait) {
    for (auto& [key, closing] : keys_) {
        wait->add();
        closing.waits.push_back(wait);
    }
}

void ClosingKeys::finish(const Closing& closing) {
    for (const auto& wait : closing.waits) {
        wait->finish_one();
    }
}

}  // namespace ecryptfs::agent
