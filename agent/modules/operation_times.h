// SPDX-License-Identifier: Apache-2.0
//
// How long a PKI module takes for an operation, and after what time it is taken to hang. An
// operation's limit leaves time for a second try within the kernel's three seconds, but grows where
// that turns out to be too little: some tokens, and some machines, are that slow.

#pragma once

#include "agent/runtime/time_limits.h"
#include "agent/runtime/time_source.h"

namespace ecryptfs::agent {

class OperationTimes {
  public:
    // An operation took this long.
    void add(Clock::duration time);
    // An operation took longer than the limit, and was given up.
    void extend_limit();

    // Of late. Zero before the first operation.
    Clock::duration usual() const { return usual_; }
    Clock::duration limit() const { return limit_; }

  private:
    Clock::duration usual_ = {};
    Clock::duration limit_ = kLeastOperationLimit;
};

}  // namespace ecryptfs::agent
