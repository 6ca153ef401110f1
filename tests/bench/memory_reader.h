// SPDX-License-Identifier: Apache-2.0
//
// The agent's processes are not dumpable: only root may see how much memory they have to
// themselves.

#pragma once

#include <sys/types.h>

#include <string>

namespace ecryptfs::bench {

// Leaves a process behind, with the rights of this one, that reads for it and for what it executes.
void start_memory_reader();

// proc(5), /proc/pid/smaps_rollup; empty if the reader may not read it.
std::string smaps_rollup(pid_t pid);

}  // namespace ecryptfs::bench
