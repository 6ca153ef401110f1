// SPDX-License-Identifier: Apache-2.0

#include "lib/base/locked_pool.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "lib/base/try.h"

namespace ecryptfs::base {
namespace {

constexpr std::size_t kChunkSize = 16 * LockedPool::kSlotSize;

Result<std::uint8_t*> map_locked(std::size_t size) {
    void* memory =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return std::unexpected(system_error(ErrorCode::kMemoryLock, "memory for a secret", errno));
    }
    // mlock2: the sanitizers replace mlock by a function that does nothing.
    if (::mlock2(memory, size, 0) != 0 || ::madvise(memory, size, MADV_DONTDUMP) != 0 ||
        ::madvise(memory, size, MADV_WIPEONFORK) != 0) {
        const int error_number = errno;
        ::munmap(memory, size);
        return std::unexpected(
            system_error(ErrorCode::kMemoryLock, "locking memory for a secret", error_number,
                         "raise the memory-lock limit: LimitMEMLOCK= in the systemd unit, "
                         "or memlock in /etc/security/limits.conf (see it with: ulimit -l)"));
    }
    return static_cast<std::uint8_t*>(memory);
}

}  // namespace

LockedPool& LockedPool::instance() {
    static auto* pool = new LockedPool;
    return *pool;
}

Result<ByteSpan> LockedPool::allocate(std::size_t size) {
    if (size > kSlotSize) {
        const auto memory = TRY(map_locked(size));
        return ByteSpan{memory, size};
    }
    const std::scoped_lock lock(mutex_);
    if (free_slots_.empty()) {
        TRY(add_chunk());
    }
    auto* slot = free_slots_.back();
    free_slots_.pop_back();
    return ByteSpan{slot, size};
}

void LockedPool::release(ByteSpan memory) noexcept {
    ::explicit_bzero(memory.data(), memory.size());
    if (memory.size() > kSlotSize) {
        ::munmap(memory.data(), memory.size());
        return;
    }
    const std::scoped_lock lock(mutex_);
    free_slots_.push_back(memory.data());  // add_chunk() reserved the room: does not allocate
}

Result<void> LockedPool::add_chunk() {
    const auto chunk = TRY(map_locked(kChunkSize));
    free_slots_.reserve(free_slots_.capacity() + kChunkSize / kSlotSize);
    for (std::size_t offset = 0; offset < kChunkSize; offset += kSlotSize) {
        free_slots_.push_back(chunk + offset);
    }
    return {};
}

}  // namespace ecryptfs::base
