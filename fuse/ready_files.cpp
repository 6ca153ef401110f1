// SPDX-License-Identifier: Apache-2.0

#include "fuse/ready_files.h"

#include <utility>

namespace ecryptfs::fuse {

ReadyFiles::ReadyFiles(std::function<base::Result<NewFile>()> make) : make_(std::move(make)) {}

ReadyFiles::~ReadyFiles() {
    {
        const std::lock_guard lock(mutex_);
        is_ending_ = true;
    }
    wanted_.notify_all();
    if (maker_.joinable()) {
        maker_.join();
    }
}

void ReadyFiles::start() {
    const std::lock_guard lock(mutex_);
    is_wanted_ = true;
    if (!maker_.joinable()) {
        maker_ = std::thread([this] { run(); });
    }
    wanted_.notify_all();
}

std::optional<NewFile> ReadyFiles::take() {
    const std::lock_guard lock(mutex_);
    if (maker_.joinable()) {
        is_wanted_ = true;
        wanted_.notify_all();
    }
    if (files_.empty()) {
        return std::nullopt;
    }
    auto file = std::move(files_.front());
    files_.pop_front();
    return file;
}

void ReadyFiles::forget() {
    const std::lock_guard lock(mutex_);
    files_.clear();
    is_wanted_ = false;
    ++round_;
}

// A key that fails, as it is locked, is not asked again until somebody wants a file.
void ReadyFiles::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        wanted_.wait(lock,
                     [this] { return is_ending_ || (is_wanted_ && files_.size() < kMostFiles); });
        if (is_ending_) {
            return;
        }
        const auto round = round_;
        lock.unlock();
        auto file = make_();
        lock.lock();
        if (!file) {
            is_wanted_ = false;
        } else if (round == round_) {
            files_.push_back(std::move(*file));
        }
    }
}

}  // namespace ecryptfs::fuse
