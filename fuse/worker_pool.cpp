// SPDX-License-Identifier: Apache-2.0

#include "fuse/worker_pool.h"

#include <system_error>
#include <utility>

namespace ecryptfs::fuse {

WorkerPool::~WorkerPool() {
    {
        const std::scoped_lock lock(mutex_);
        ends_ = true;
    }
    changed_.notify_all();
    for (auto& thread : threads_) {
        thread.join();
    }
}

bool WorkerPool::enqueue(RawRequest& request) {
    {
        const std::scoped_lock lock(mutex_);
        if (idle_ <= waiting_.size() && threads_.size() < most_threads_) {
            try {
                threads_.emplace_back([this] { work(); });
            } catch (const std::system_error&) {
                // The limit of processes, perhaps. Those that are there do it, if there are any.
            }
        }
        if (threads_.empty()) {
            return false;
        }
        waiting_.push_back(std::move(request));
    }
    changed_.notify_one();
    return true;
}

void WorkerPool::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        ++idle_;
        changed_.wait(lock, [this] { return ends_ || !waiting_.empty(); });
        --idle_;
        if (waiting_.empty()) {
            return;
        }
        {
            auto request = std::move(waiting_.front());
            waiting_.pop_front();
            lock.unlock();
            serve_(request);
        }
        lock.lock();
    }
}

}  // namespace ecryptfs::fuse
