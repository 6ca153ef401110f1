// SPDX-License-Identifier: Apache-2.0
//
// Searches the memory of processes that tests may not read: the agent and its hosts see to it that
// no program of their user can.

#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>

#include "lib/base/bytes.h"

namespace ecryptfs::test {

// Leaves a process behind that may, for this process and what it executes. It is to be called
// before run_with_private_keyrings(): who is outside a user namespace and owns it may read what is
// inside.
void start_memory_searcher();

// How often these bytes are in the memory of a process; 0 when it has ended.
std::size_t count_in_memory(pid_t pid, base::ByteView needle);

// The processes that this one has started, and those that they have, and so on, which have these
// bytes in their memory: a line each, "" if there are none.
std::string holders_of(base::ByteView needle);

}  // namespace ecryptfs::test
