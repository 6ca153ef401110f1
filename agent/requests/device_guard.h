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
// A broker that is stopped or stuck leaves requests unread, which is worse than no broker: the
// guard kills it, and the service manager starts another in time. The guard sleeps while no request
// comes; systemd's watchdog would have to be fed while nothing happens.
//
// When the broker is gone, however it ended, the guard reads in its place, into the memory of
// Handover. The next broker ends the guard and goes on from there. Where nobody keeps the device
// for a next broker, the guard ends too.
class DeviceGuard {
  public:
    // Borrows the loop, the store and Handover's descriptor. `look` is called when a request may
    // have been missed: the kernel's poll() of the device knows one caller at a time, and says
    // "nothing" to a second one, be it the broker's (miscdev.c: ecryptfs_miscdev_poll).
    DeviceGuard(EventLoop& loop, DescriptorStore& store, int memory, std::function<void()> look);
    DeviceGuard(const DeviceGuard&) = delete;
    DeviceGuard& operator=(const DeviceGuard&) = delete;
    ~DeviceGuard();

    // Has the process watch this device until end(), even beyond this object's life.
    void watch(int device);
    // Ends the process, as the device has gone. Returns when the process has closed it.
    void end();

    // Call it for each frame that was read.
    void count_read() { frames_read_->fetch_add(1, std::memory_order_relaxed); }

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
