// SPDX-License-Identifier: Apache-2.0

#include "lib/channel/pending_requests.h"

#include <algorithm>
#include <utility>

namespace ecryptfs::channel {

std::optional<PendingRequests::Place> PendingRequests::add(Clock::time_point deadline) {
    const auto free = std::ranges::find(places_, 0U, &Slot::counter);
    if (free == places_.end()) {
        return std::nullopt;
    }
    if (++last_counter_ == 0) {
        ++last_counter_;  // 0 says that a place is free
    }
    *free = Slot{last_counter_, deadline};
    return Place{static_cast<std::uint32_t>(free - places_.begin()), last_counter_};
}

bool PendingRequests::accept(const Place& place, Reply reply) {
    if (place.index >= places_.size()) {
        return false;
    }
    auto& slot = places_[place.index];
    if (place.counter == 0 || slot.counter != place.counter || slot.reply) {
        return false;
    }
    slot.reply = std::move(reply);
    return true;
}

std::optional<PendingRequests::Reply> PendingRequests::take(const Place& place,
                                                            Clock::time_point now) {
    auto& slot = places_.at(place.index);
    if (!slot.reply && now < slot.deadline) {
        return std::nullopt;
    }
    auto reply = std::move(slot.reply);
    slot = {};
    return reply ? std::move(reply)
                 : Reply(std::unexpected(base::Error{base::ErrorCode::kTimedOut,
                                                     "the agent did not answer in time"}));
}

void PendingRequests::fail_all(const base::Error& error) {
    for (auto& slot : places_) {
        if (slot.counter != 0 && !slot.reply) {
            slot.reply = std::unexpected(error);
        }
    }
}

std::size_t PendingRequests::size() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(places_, [](const Slot& slot) { return slot.counter != 0; }));
}

}  // namespace ecryptfs::channel
