// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <sys/types.h>

#include "agent/runtime/event_loop.h"
#include "lib/base/handle.h"

namespace ecryptfs::agent {

// Has the machine wait before it sleeps: logind's inhibitor, which is a descriptor that comes over
// the system bus. A process of its own fetches and keeps it, so that the broker need take no
// descriptors from there: any user could send it some whose close waits for ever, which nobody can
// end.
class SleepDelay {
  public:
    // Borrows the loop.
    explicit SleepDelay(EventLoop& loop);
    SleepDelay(const SleepDelay&) = delete;
    SleepDelay& operator=(const SleepDelay&) = delete;
    ~SleepDelay() = default;

    // Asks logind anew; what was had before is given up. That logind lets us not is said in the
    // log.
    void start();
    // The machine waits until this is closed, or we end. None if it does not wait.
    base::UniqueFd hand_over();

  private:
    void process_ended(int code);
    void forget_process();

    EventLoop& loop_;
    EventLoop::Source retry_;
    EventLoop::Source exit_;
    base::UniqueFd life_line_;  // of a pipe that nothing is written to: the process ends with it
    pid_t pid_ = 0;
};

}  // namespace ecryptfs::agent
