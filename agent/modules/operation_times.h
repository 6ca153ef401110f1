// SPDX-License-Identifier: Apache-2.0
//
// How long a PKI module takes for an operation, and after what time it is taken to hang. An
// operation's limit leaves time for a second try within the kernel's three seconds, but grows where
// that turns out to be too little: some tokens, and some machines, are that slow. What takes longer
// than the greatest limit is of no use to anybody.

#pragma once

#include "agent/runtime/event_loop.h"

namespace ecryptfs::agent {

class OperationTimes {
  public:
    // One was done.
    void done_after(Clock::duration time);
    // One was not, and was given up.
    void given_up();

    Clock::duration usual() const { return usual_; }
    Clock::duration limit() const { return limit_; }

  private:
    static constexpr Clock::duration kLeastLimit = std::chrono::milliseconds(1200);

    Clock::duration usual_ = {};
    Clock::duration limit_ = kLeastLimit;
};

}  // namespace ecryptfs::agent
