// SPDX-License-Identifier: Apache-2.0

#include "fuse/key_watch.h"

#include <utility>

#include "fuse/plain_memory.h"

namespace ecryptfs::fuse {

void KeyWatch::take(const channel::Note& note) {
    {
        const std::lock_guard lock(mutex_);
        notes_.push_back(note);
    }
    changed_.notify_one();
}

void KeyWatch::start(Parts parts) {
    thread_ = std::thread([this, parts = std::move(parts)] { run(parts); });
}

void KeyWatch::stop() {
    {
        const std::lock_guard lock(mutex_);
        is_ending_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void KeyWatch::run(const Parts& parts) {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return is_ending_ || !notes_.empty(); });
        if (is_ending_) {
            return;
        }
        const auto note = notes_.front();
        notes_.pop_front();
        lock.unlock();
        carry_out(parts, note);
        lock.lock();
    }
}

void KeyWatch::carry_out(const Parts& parts, const channel::Note& note) {
    if (note.type == channel::NoteType::kUnlocked) {
        parts.keys.unlock(note.signature, note.key.get());
    } else if (lock(parts.keys, note)) {
        for (const auto id : parts.files.drop_contents()) {
            parts.invalidate(id);
        }
        wipe_plain_memory();
    }
    parts.confirm(note.number);
}

// Whether it was a key of this mount.
bool KeyWatch::lock(MountKeys& keys, const channel::Note& note) {
    const bool agent_has_gone = note.number == channel::kAgentGone;
    if (agent_has_gone ? !keys.has_private_keys() : !keys.concerns(note.signature)) {
        return false;
    }
    if (agent_has_gone) {
        keys.lock_private_keys();
    } else {
        keys.lock(note.signature);
    }
    return true;
}

}  // namespace ecryptfs::fuse
