// SPDX-License-Identifier: Apache-2.0

#include "agent/requests/request_slots.h"

#include <algorithm>
#include <cstring>

namespace ecryptfs::agent {

RequestSlots::RequestSlots(Places<RequestSlot> slots) : slots_(slots) {
    for (auto& slot : slots_.written()) {
        if (slot.frame.front() == 0) {
            give_back(slot);  // a wipe may have been cut short
        } else {
            leftovers_.push_back(&slot);
        }
    }
    std::ranges::sort(leftovers_, {}, &RequestSlot::read_at);
}

RequestSlot& RequestSlots::take() {
    if (free_.empty()) {
        return *slots_.take_unused();
    }
    auto& slot = *free_.back();
    free_.pop_back();
    return slot;
}

void RequestSlots::give_back(RequestSlot& slot) {
    ::explicit_bzero(&slot, sizeof(slot));
    free_.push_back(&slot);
}

}  // namespace ecryptfs::agent
