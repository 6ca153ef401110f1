// SPDX-License-Identifier: Apache-2.0
//
// The benchmark has keyrings of its own, as an ordinary user in a user namespace. There it cannot
// see how much memory the agent's processes have to themselves, nor start a virtual machine that
// reads all of this one's files.

#pragma once

#include <functional>
#include <string>

namespace ecryptfs::bench {

// Leaves a process behind, with the rights of this one, that runs commands for it or for what it
// executes.
void stay_outside();

// Has that process run a command of the shell; gives each line that it prints.
void run_outside(const std::string& command, const std::function<void(const std::string&)>& take);

}  // namespace ecryptfs::bench
