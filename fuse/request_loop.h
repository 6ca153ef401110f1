// SPDX-License-Identifier: Apache-2.0
//
// Reads the kernel's requests and serves them: in this thread what can be done at once, by others
// what waits.

#pragma once

#include <csignal>
#include <cstddef>
#include <optional>
#include <span>

#include "fuse/plain_memory.h"
#include "fuse/worker_pool.h"
#include "lib/base/error.h"

struct fuse_session;

namespace ecryptfs::fuse {

class RequestLoop {
  public:
    // Borrows the session. `signals`: the mask while it sleeps.
    RequestLoop(fuse_session* session, const sigset_t& signals);

    // Until it is unmounted, or a signal's handler has ended the session.
    base::Result<void> run();

  private:
    // How a try to read a request went.
    enum class Reading { kRequest, kNothing, kEnd };

    base::Result<Reading> read_request();
    base::Result<Reading> read_or_wait();
    bool should_poll();
    void serve();

    fuse_session* session_;
    sigset_t signals_;
    std::optional<PlainMemoryInUse> in_use_;  // while there is a request
    std::span<char> request_;                 // in this thread's memory
    unsigned vain_polls_ = 0;                 // in a row
    unsigned sleeps_ = 0;                     // since it last polled in vain
    WorkerPool workers_;
};

}  // namespace ecryptfs::fuse
