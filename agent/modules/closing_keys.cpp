// SPDX-License-Identifier: Apache-2.0

#include "agent/modules/closing_keys.h"

#include <algorithm>

#include "agent/runtime/time_limits.h"

namespace ecryptfs::agent {

bool ClosingKeys::record_close(std::uint64_t key) {
    const auto found = keys_.find(key);
    if (found == keys_.end() || found->second.asked == 0) {
        return false;
    }
    if (--found->second.asked == 0) {
        remove(found);
    }
    return true;
}

void ClosingKeys::record_failed_open(std::uint64_t key) {
    const auto found = keys_.find(key);
    if (found != keys_.end() && found->second.asked == 0) {
        remove(found);
    }
}

void ClosingKeys::end_process() {
    for (const auto& [key, closing] : std::exchange(keys_, {})) {
        finish(closing);
    }
}

bool ClosingKeys::is_late(Clock::time_point now, Clock::duration patience) const {
    return std::ranges::any_of(keys_, [=](const auto& entry) {
        const auto& closing = entry.second;
        return now - closing.since > (closing.waits.empty() ? patience : kCloseLimit);
    });
}

void ClosingKeys::add_wait(const std::shared_ptr<CloseWait>& wait) {
    for (auto& [key, closing] : keys_) {
        wait->add();
        closing.waits.push_back(wait);
    }
}

void ClosingKeys::remove(Keys::iterator key) {
    const auto closing = keys_.extract(key);
    finish(closing.mapped());
}

void ClosingKeys::finish(const Closing& closing) {
    for (const auto& wait : closing.waits) {
        wait->finish_one();
    }
}

}  // namespace ecryptfs::agent
