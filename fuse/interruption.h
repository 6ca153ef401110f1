// SPDX-License-Identifier: Apache-2.0
//
// A signal for who asks ends what takes long. The kernel says so with another request, which the
// thread that reads requests takes, while a worker is busy with this one.

#pragma once

namespace ecryptfs::fuse {

// Whether who asked for what this thread does has got a signal since. Never, if nobody says how to
// find out.
bool is_interrupted();

// Says how, for as long as it lives: `ask` is called with `request`.
class Interruptible {
  public:
    Interruptible(bool (*ask)(void*), void* request);
    Interruptible(const Interruptible&) = delete;
    Interruptible& operator=(const Interruptible&) = delete;
    ~Interruptible();
};

}  // namespace ecryptfs::fuse
