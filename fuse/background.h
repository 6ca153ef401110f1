// SPDX-License-Identifier: Apache-2.0
//
// Going on in the background once the mount is there. The process forks before it has a secret, as
// a forked child has none of its parent's.

#pragma once

#include <optional>

#include "lib/base/error.h"
#include "lib/base/handle.h"

namespace ecryptfs::fuse {

// Leaves the terminal: no signal of its keys, and nothing is read from it or written to it any
// more.
void leave_terminal();

class Background {
  public:
    // Forks unless `foreground`. The parent does not return from this: it waits until the child is
    // ready or has ended, and ends with 0 or the child's exit code.
    static base::Result<Background> start(bool foreground);

    // The mount is there: lets the parent go, and leaves the terminal and the current folder.
    void ready();

  private:
    explicit Background(base::UniqueFd parent) : parent_(std::move(parent)) {}

    base::UniqueFd parent_;  // a pipe's end; none in the foreground
};

}  // namespace ecryptfs::fuse
