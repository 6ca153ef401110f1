// SPDX-License-Identifier: Apache-2.0
//
// What a host gives up by Landlock (lib/confinement/landlock_rules.h), where the kernel has it.
// kModuleFailed.

#pragma once

#include <string_view>

#include "lib/base/error.h"
#include "lib/pki/module.h"

namespace ecryptfs::pki {

// Whether every module is kept from this entry of /dev, such as "tty1". Pure.
bool is_withheld_device(std::string_view name);

// Gives up tracing other processes than our own children, reading their memory and sending them
// signals; and terminals, cameras, microphones and the like.
base::Result<void> isolate_from_processes();

// Gives up devices, writing and starting programs, except as needed. Reading files outside /dev
// stays allowed. A device that appears in /dev later is only for the next host.
base::Result<void> limit_files(const ModuleNeeds& needs);

}  // namespace ecryptfs::pki
