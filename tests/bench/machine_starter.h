// SPDX-License-Identifier: Apache-2.0
//
// The benchmark has keyrings of its own in a user namespace, and there a virtual machine cannot
// read all of this one's files.

#pragma once

#include <functional>
#include <string>

namespace ecryptfs::bench {

// Leaves a process behind, with the rights of this one, that runs a command for it or for what it
// executes.
void start_machine_starter();

// Has that process run the command, once; gives each line that it prints.
void run_outside(const std::string& command, const std::function<void(const std::string&)>& take);

}  // namespace ecryptfs::bench
