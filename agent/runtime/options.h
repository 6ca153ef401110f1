// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <chrono>
#include <expected>
#include <string>

#include "agent/runtime/lock_on.h"
#include "agent/runtime/time_limits.h"
#include "lib/pki/host_process.h"
#include "lib/wire/device_frame.h"

namespace ecryptfs::agent {

struct Options {
    std::string device = wire::kDevicePath;
    pki::HostPaths host_paths;
    // After which a host that nobody needs is ended.
    std::chrono::milliseconds host_idle_time{std::chrono::minutes(5)};
    // To be less than the kernel's limit, if that was changed.
    std::chrono::milliseconds reply_within = kReplyLimit;
    LockOn lock_on;
};

// The options, or the exit code when there is nothing to do but exit (--help, --version, or an
// error, which has been printed).
std::expected<Options, int> parse_options(int argc, char** argv);

}  // namespace ecryptfs::agent
