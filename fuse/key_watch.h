// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "fuse/filesystem.h"
#include "fuse/mount_keys.h"
#include "lib/channel/channel_note.h"

namespace ecryptfs::fuse {

// Does what the agent's notes ask for: forgets what a locked key opened, in this process and in the
// kernel, and then says so. In a thread of its own, as that waits for what is being read and
// written.
class KeyWatch {
  public:
    // What start() is given; borrowed.
    struct Parts {
        MountKeys& keys;
        Filesystem& files;
        std::function<void(NodeId)> invalidate;      // the kernel's pages of a file
        std::function<void(std::uint32_t)> confirm;  // the notes up to this number
    };

    KeyWatch() = default;
    KeyWatch(const KeyWatch&) = delete;
    KeyWatch& operator=(const KeyWatch&) = delete;
    ~KeyWatch() { stop(); }

    // Any thread. Notes wait for start().
    void take(const channel::Note& note);

    void start(Parts parts);
    // What start() was given may go after this.
    void stop();

  private:
    void run(const Parts& parts);
    static bool lock(MountKeys& keys, const channel::Note& note);
    static void carry_out(const Parts& parts, const channel::Note& note);

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<channel::Note> notes_;
    bool is_ending_ = false;
    std::thread thread_;
};

}  // namespace ecryptfs::fuse
