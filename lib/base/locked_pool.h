// SPDX-License-Identifier: Apache-2.0
//
// Memory for secrets: locked into RAM, left out of core dumps, zeroed in forked children. A child's
// copy is not locked: a child must exec.

#pragma once

#include <cstddef>
#include <mutex>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace ecryptfs::base {

// Hands out memory for SecretBytes. Sizes up to kSlotSize share locked pages: a lock costs a whole
// page, and an unprivileged process may lock few. Larger sizes get a mapping of their own. A free
// slot is kept for the next secret, so the pool is as large as it ever had to be.
// Any thread.
class LockedPool {
  public:
    static constexpr std::size_t kSlotSize = 1024;

    // The one pool of this process. Never destroyed: secrets may outlive static objects.
    static LockedPool& instance();

    // `size` zero bytes. kMemoryLock, with advice, when the system will not lock them.
    Result<ByteSpan> allocate(std::size_t size);

    // Wipes and takes back what allocate() gave.
    void release(ByteSpan memory) noexcept;

  private:
    LockedPool() = default;
    Result<void> add_chunk();

    std::mutex mutex_;
    std::vector<std::uint8_t*> free_slots_;
};

}  // namespace ecryptfs::base
