// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <vector>

#include "agent/runtime/handover.h"

namespace ecryptfs::agent {

// Gives out the places of requests in the memory that outlives this process.
class RequestSlots {
  public:
    // Borrows the slots. Those that an earlier process left filled count as taken.
    explicit RequestSlots(Places<RequestSlot> slots);

    // A slot that is all zero. There must be one.
    RequestSlot& take();
    // Wipes the slot: its request was answered, or was not one.
    void give_back(RequestSlot& slot);

    bool are_used_up() const { return free_.empty() && slots_.used == slots_.all.size(); }

    // Requests that an earlier process did not answer, the oldest first.
    const std::vector<RequestSlot*>& leftovers() const { return leftovers_; }

  private:
    Places<RequestSlot> slots_;
    std::vector<RequestSlot*> free_;  // of those written to
    std::vector<RequestSlot*> leftovers_;
};

}  // namespace ecryptfs::agent
