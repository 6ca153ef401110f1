// SPDX-License-Identifier: Apache-2.0
//
// The thread that reads the kernel's requests must not wait: all others would wait as well. What
// would have to wait is given up before it has done anything, and done again by a thread that may.

#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <shared_mutex>

#include "fuse/outcome.h"

namespace ecryptfs::fuse {

// An error for that thread's loop only: no errno is negative.
inline constexpr int kWouldWait = -1;

// Whether this thread may wait.
bool may_wait();

// This thread may not, as long as this lives.
class WithoutWaiting {
  public:
    WithoutWaiting();
    WithoutWaiting(const WithoutWaiting&) = delete;
    WithoutWaiting& operator=(const WithoutWaiting&) = delete;
    ~WithoutWaiting();
};

// This thread may after all: what it has begun is to be ended.
class WithWaiting {
  public:
    WithWaiting();
    WithWaiting(const WithWaiting&) = delete;
    WithWaiting& operator=(const WithWaiting&) = delete;
    ~WithWaiting();

  private:
    bool before_;
};

// kWouldWait where this thread may not wait for who has it locked.
template <typename Mutex>
Outcome<std::unique_lock<Mutex>> lock_or_give_up(Mutex& mutex) {
    std::unique_lock<Mutex> lock(mutex, std::defer_lock);
    if (may_wait()) {
        lock.lock();
    } else if (!lock.try_lock()) {
        return std::unexpected(kWouldWait);
    }
    return lock;
}
template <typename Mutex>
Outcome<std::shared_lock<Mutex>> share_or_give_up(Mutex& mutex) {
    std::shared_lock<Mutex> lock(mutex, std::defer_lock);
    if (may_wait()) {
        lock.lock();
    } else if (!lock.try_lock()) {
        return std::unexpected(kWouldWait);
    }
    return lock;
}

// How long system calls of one kind take on this lower file system: the last one tells.
class Pace {
  public:
    using Clock = std::chrono::steady_clock;

    // Quick is what took less than `limit`.
    Pace(bool quick_at_first, Clock::duration limit) : is_quick_(quick_at_first), limit_(limit) {}

    bool is_quick() const { return is_quick_.load(std::memory_order_relaxed); }

    template <typename Call>
    auto time(Call call) {
        const auto start = Clock::now();
        auto result = call();
        is_quick_.store(Clock::now() - start < limit_, std::memory_order_relaxed);
        return result;
    }

  private:
    std::atomic<bool> is_quick_;
    Clock::duration limit_;
};

}  // namespace ecryptfs::fuse
