// SPDX-License-Identifier: Apache-2.0
//
// What /proc tells of processes.

#pragma once

#include <sys/types.h>

#include <set>
#include <string>

namespace ecryptfs::test {

std::set<pid_t> children_of(pid_t parent);

// The program's, of 15 characters at the most; empty for a process that has gone.
std::string name_of(pid_t process);

}  // namespace ecryptfs::test
