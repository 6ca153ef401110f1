// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <chrono>
#include <expected>
#include <string>

#include "agent/bus/session_watch.h"
#include "agent/modules/host.h"
#include "lib/wire/device_frame.h"

namespace ecryptfs::agent {

struct Options {
    std::string device = wire::kDevicePath;
    HostSettings hosts;
    // Below the kernel's ecryptfs_message_wait_timeout, which is 3 s unless the module was loaded
    // with another.
    std::chrono::milliseconds reply_within{2800};
    LockOn lock_on;
};

// The options, or the exit code when there is nothing to do but exit (--help, --version, or an
// error, which has been printed).
std::expected<Options, int> parse_options(int argc, char** argv);

}  // namespace ecryptfs::agent
