// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <sys/types.h>

#include <string>

#include "lib/base/error.h"
#include "lib/base/handle.h"

namespace ecryptfs::fuse {

// A process that unmounts when this one ends, however it ends: a folder whose file system is gone
// gives errors until somebody unmounts it. This process cannot do so itself, as it may start no
// program. Knows no secret.
class Unmounter {
  public:
    // Forks: call it before there is a secret, or another thread. `upper` need not be mounted yet.
    static base::Result<Unmounter> start(const std::string& upper);
    Unmounter(Unmounter&&) = default;
    Unmounter& operator=(Unmounter&&) = delete;
    Unmounter(const Unmounter&) = delete;
    Unmounter& operator=(const Unmounter&) = delete;
    // Waits until it is unmounted. /dev/fuse must be closed by then.
    ~Unmounter();

  private:
    Unmounter(base::UniqueFd line, pid_t pid) : line_(std::move(line)), pid_(pid) {}

    base::UniqueFd line_;  // a pipe's end, which closes with this process
    pid_t pid_;
};

}  // namespace ecryptfs::fuse
