// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <vector>

#include "lib/base/error.h"

namespace ecryptfs::base {

// Keeps this process's memory from others: no core dumps (RLIMIT_CORE 0) and no ptrace or
// /proc/PID/mem by processes of the same user (PR_SET_DUMPABLE 0). Call it before a secret is read.
Result<void> forbid_dumps();

// For a child: closes all descriptors but the standard ones and `kept`. False if the kernel cannot.
bool close_other_descriptors(std::vector<int> kept);

}  // namespace ecryptfs::base
