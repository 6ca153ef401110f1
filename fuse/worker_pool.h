// SPDX-License-Identifier: Apache-2.0
//
// Threads for requests that wait. They are started when they are needed, and stay.

#pragma once

#include <string.h>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

namespace ecryptfs::fuse {

// A copy of what was read from /dev/fuse, which may be plain text to be written.
class RawRequest {
  public:
    RawRequest() = default;
    explicit RawRequest(std::span<const char> bytes) : bytes_(bytes.begin(), bytes.end()) {}
    RawRequest(RawRequest&& other) noexcept = default;
    RawRequest& operator=(RawRequest&&) = delete;
    RawRequest(const RawRequest&) = delete;
    RawRequest& operator=(const RawRequest&) = delete;
    ~RawRequest() {
        if (!bytes_.empty()) {
            ::explicit_bzero(bytes_.data(), bytes_.size());
        }
    }

    std::span<char> bytes() { return bytes_; }

  private:
    std::vector<char> bytes_;
};

class WorkerPool {
  public:
    // `serve` is called by several threads at once, and throws nothing.
    WorkerPool(std::size_t most_threads, std::function<void(RawRequest&)> serve)
        : most_threads_(most_threads), serve_(std::move(serve)) {}
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;
    // When all that is in the queue is done.
    ~WorkerPool();

    // False if there is no thread and none can be started: the request is still the caller's.
    bool enqueue(RawRequest& request);

  private:
    void work();

    std::size_t most_threads_;
    std::function<void(RawRequest&)> serve_;
    std::mutex mutex_;  // of all that follows
    std::condition_variable changed_;
    std::deque<RawRequest> waiting_;
    std::vector<std::thread> threads_;
    std::size_t idle_ = 0;
    bool ends_ = false;
};

}  // namespace ecryptfs::fuse
