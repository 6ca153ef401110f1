// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>

#include "agent/requests/descriptor_store.h"
#include "agent/runtime/event_loop.h"
#include "lib/base/handle.h"

namespace ecryptfs::agent {

// A process that sees to it that the device is read: the kernel may crash when the opener of a
// request gives up before it is read (docs/protocol.md).
//
// A broker that leaves a request unread, as it is stopped or stuck, is worse than none: the guard
// kills it, and the service manager starts another in time. It sleeps while no request comes; a
// watchdog of systemd's would have to be fed while nothing happens.
//
// When the broker is gone, however it ended, the guard reads into the memory of Handover in its
// place. The next broker ends it and goes on from there. Where nobody keeps the device for a next
// one, it goes, too.
class DeviceGuard {
  public:
    // Borrows the loop, the store and Handover's descriptor. `look` is called when a request may
    // have been missed: the kernel's poll() of the device knows one caller at a time, and says
    // "nothing" to a second one, be it the broker's (miscdev.c: ecryptfs_miscdev_poll).
    DeviceGuard(EventLoop& loop, DescriptorStore& store, int memory, std::function<void()> look);
    DeviceGuard(const DeviceGuard&) = delete;
    DeviceGuard& operator=(const DeviceGuard&) = delete;
    ~DeviceGuard();

    // Has the process watch this device, until end() or beyond this object's life.
    void watch(int device);
    // Returns when the process has let go of the device, which has gone.
    void end();

    // To be called with each frame that was read.
    void note_read() { frames_read_->fetch_add(1, std::memory_order_relaxed); }

  private:
    void start();
    void kill();

    EventLoop& loop_;
    DescriptorStore& store_;
    int memory_;
    std::function<void()> look_;
    base::UniqueFd line_to_guard_;  // of a pipe that nothing is written to
    base::UniqueFd life_line_;      // its other end, for this process and the store alone
    base::UniqueFd poke_;           // by the process
    EventLoop::Source poked_;
    EventLoop::Source retry_;
    EventLoop::Source exit_;
    std::atomic<std::uint64_t>* frames_read_;  // shared with the process
    int device_ = -1;
    pid_t pid_ = 0;
};

}  // namespace ecryptfs::agent
