// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <sys/types.h>

#include "agent/runtime/event_loop.h"
#include "lib/base/handle.h"

namespace ecryptfs::agent {

// Delays the machine's sleep by logind's inhibitor, a descriptor that comes over the system bus. A
// process of its own fetches and holds it, so that the broker takes no descriptors from that bus:
// any user could send it descriptors whose close never ends.
class SleepDelay {
  public:
    // Borrows the loop.
    explicit SleepDelay(EventLoop& loop);
    SleepDelay(const SleepDelay&) = delete;
    SleepDelay& operator=(const SleepDelay&) = delete;
    ~SleepDelay() = default;

    // Asks logind for an inhibitor, and gives up an old one. Logs a notice if logind refuses.
    void start();
    // Gives the delay away: sleep waits until the descriptor is closed, or we end. None if sleep
    // does not wait.
    base::UniqueFd release_delay();

  private:
    void process_ended(int code);
    void forget_process();

    EventLoop& loop_;
    EventLoop::Source retry_;
    EventLoop::Source exit_;
    base::UniqueFd life_line_;  // of an unused pipe: the process ends when it is closed
    pid_t pid_ = 0;
};

}  // namespace ecryptfs::agent
