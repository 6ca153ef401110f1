// SPDX-License-Identifier: Apache-2.0

#include "fuse/plain_memory.h"

#include <string.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <new>
#include <set>
#include <thread>

namespace ecryptfs::fuse {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPatience = std::chrono::seconds(1);

class Buffer {
  public:
    Buffer() = default;
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() { wipe(); }

    base::ByteSpan take(std::size_t size) {
        if (size > size_) {
            wipe();
            size_ = std::max(size, kLeast);
            memory_.reset(static_cast<std::uint8_t*>(::operator new(size_, kAlignment)));
        }
        used_ = std::max(used_, size);
        return {memory_.get(), size};
    }

    void wipe() {
        if (used_ != 0) {
            ::explicit_bzero(memory_.get(), used_);
            used_ = 0;
        }
    }

  private:
    static constexpr std::size_t kLeast = std::size_t{128} << 10;
    static constexpr std::align_val_t kAlignment{4096};
    struct Free {
        void operator()(std::uint8_t* memory) const noexcept {
            ::operator delete(memory, kAlignment);
        }
    };

    std::unique_ptr<std::uint8_t, Free> memory_;
    std::size_t size_ = 0;
    std::size_t used_ = 0;  // since it was wiped
};

class ThreadMemory;

struct Threads {
    std::mutex mutex;
    std::set<ThreadMemory*> all;
};

// Never destroyed: threads may end later than everything else.
Threads& threads() {
    static auto* const made = new Threads;
    return *made;
}

class ThreadMemory {
  public:
    ThreadMemory() {
        const std::scoped_lock lock(threads().mutex);
        threads().all.insert(this);
    }
    ThreadMemory(const ThreadMemory&) = delete;
    ThreadMemory& operator=(const ThreadMemory&) = delete;
    ~ThreadMemory() {
        const std::scoped_lock lock(threads().mutex);
        threads().all.erase(this);
    }

    Buffer& buffer(PlainUse use) { return buffers_.at(static_cast<std::size_t>(use)); }
    void wipe() {
        for (auto& buffer : buffers_) {
            buffer.wipe();
        }
    }

    std::mutex in_use;  // of the buffers, while a request is served
    std::atomic<bool> must_wipe = false;

  private:
    std::array<Buffer, 4> buffers_;
};

ThreadMemory& this_thread() {
    thread_local ThreadMemory memory;
    return memory;
}

bool lock_until(std::unique_lock<std::mutex>& lock, Clock::time_point deadline) {
    while (!lock.try_lock()) {
        if (Clock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

}  // namespace

base::ByteSpan plain_memory(PlainUse use, std::size_t size) {
    return this_thread().buffer(use).take(size);
}

PlainMemoryInUse::PlainMemoryInUse() : lock_(this_thread().in_use) {}

PlainMemoryInUse::~PlainMemoryInUse() {
    if (this_thread().must_wipe.exchange(false)) {
        this_thread().wipe();
    }
}

void wipe_plain_memory() {
    const auto deadline = Clock::now() + kPatience;
    const std::scoped_lock all_lock(threads().mutex);
    for (auto* const thread : threads().all) {
        thread->must_wipe = true;
        std::unique_lock lock(thread->in_use, std::defer_lock);
        if (lock_until(lock, deadline)) {
            thread->wipe();
            thread->must_wipe = false;
        }
    }
}

}  // namespace ecryptfs::fuse
