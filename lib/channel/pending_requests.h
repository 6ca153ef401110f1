// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"

namespace ecryptfs::channel {

using Clock = std::chrono::steady_clock;

// The opener's side of eCryptfs' messaging (messaging.c of the kernel): which requests have no
// reply yet. A request has a place, its index, which is used again, and a counter, which is not: a
// late reply names a place that has another counter by then, and is dropped. Pure; one thread at a
// time.
class PendingRequests {
  public:
    using Reply = base::Result<base::SecretBytes>;

    // As many at once; the kernel has 32 (ecryptfs_message_buf_len).
    explicit PendingRequests(std::size_t places) : places_(places) {}

    struct Place {
        std::uint32_t index = 0;
        std::uint32_t counter = 0;
    };

    // A place for a request that is given up at `deadline`; nothing if none is free.
    std::optional<Place> add(Clock::time_point deadline);

    // Takes a reply. False for one that nobody waits for: late, or made up.
    bool accept(const Place& place, Reply reply);

    // The reply, which frees the place; nothing as long as there is none. kTimedOut after the
    // deadline.
    std::optional<Reply> take(const Place& place, Clock::time_point now);

    // All that have no reply get this one: the other side is gone.
    void fail_all(const base::Error& error);

    std::size_t size() const;

  private:
    struct Slot {
        std::uint32_t counter = 0;  // 0: free
        Clock::time_point deadline = {};
        std::optional<Reply> reply = {};
    };

    std::vector<Slot> places_;
    std::uint32_t last_counter_ = 0;
};

}  // namespace ecryptfs::channel
