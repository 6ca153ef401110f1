// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>

#include "agent/event_loop.h"
#include "lib/base/handle.h"

namespace ecryptfs::agent {

// A process that does one thing: it kills this one if a request stays unread. The kernel may crash
// when the opener of a request gives up before it is read (docs/protocol.md), so a broker that is
// stopped or stuck is worse than none; the service manager then starts another in time. It sleeps
// while no request comes. A watchdog of systemd's would have to be fed while nothing happens.
class DeviceGuard {
  public:
    // Borrows the loop. `look` is called when a request may have been missed: the kernel's poll()
    // of the device knows one caller at a time, and says "nothing" to a second one, be it the
    // broker's (miscdev.c: ecryptfs_miscdev_poll).
    DeviceGuard(EventLoop& loop, std::function<void()> look);
    DeviceGuard(const DeviceGuard&) = delete;
    DeviceGuard& operator=(const DeviceGuard&) = delete;
    ~DeviceGuard();

    // Has the process watch this device, until end().
    void watch(int device);
    // Returns when the process has let go of the device.
    void end();

    // To be called with each frame that was read.
    void note_read() { frames_read_->fetch_add(1, std::memory_order_relaxed); }

  private:
    void start();

    EventLoop& loop_;
    std::function<void()> look_;
    base::UniqueFd poke_;  // by the process
    EventLoop::Source poked_;
    EventLoop::Source retry_;
    EventLoop::Source exit_;
    std::atomic<std::uint64_t>* frames_read_;  // shared with the process
    int device_ = -1;
    pid_t pid_ = 0;
};

}  // namespace ecryptfs::agent
