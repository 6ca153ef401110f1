// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "lib/base/handle.h"

namespace ecryptfs::base {

// Closes what somebody else had a hand in, in a thread that nobody waits for: the last close of a
// TCP socket with SO_LINGER and unsent data, or of a file on a server, takes as long as others
// like. Without memory for a thread, or when 64 wait already, the descriptor stays open.
void close_apart(UniqueFd fd) noexcept;

}  // namespace ecryptfs::base
