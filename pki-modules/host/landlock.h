// SPDX-License-Identifier: Apache-2.0
//
// Landlock, by which a process limits what it may do to files and other processes. A kernel without
// it, or with its first version only, which cannot allow moving files, leaves all as it was; one
// with an older version than ours leaves what it does not know. kModuleFailed if it fails
// otherwise.

#pragma once

#include <string_view>

#include "lib/base/error.h"
#include "lib/pki/module.h"

namespace ecryptfs::pki {

// Whether no module gets what has this name, such as "tty1", directly in /dev. Pure.
bool is_withheld_device(std::string_view name);

// No tracing of processes other than those that we start, no look into their memory, no signals to
// them; no terminals, cameras, microphones and the like.
base::Result<void> isolate_from_processes();

// No devices, no writing and no starting of programs, except as needed. The reading of files
// outside /dev is as before. A device that appears directly in /dev later is for the next host.
base::Result<void> limit_files(const ModuleNeeds& needs);

}  // namespace ecryptfs::pki
