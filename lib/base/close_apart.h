// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "lib/base/handle.h"

namespace ecryptfs::base {

// Closes a descriptor in a thread that nobody waits for. For descriptors that came from others, who
// can delay the last close without end: that of a TCP socket with SO_LINGER and unsent data, or of
// a file on a server. The descriptor stays open if a thread cannot be had, or 64 are closing.
void close_apart(UniqueFd fd) noexcept;

}  // namespace ecryptfs::base
