// SPDX-License-Identifier: Apache-2.0
//
// Seccomp filters: lists of system calls that fail from now on, with EPERM, in all threads. Lists
// of what is refused, not of what is allowed: the agent's unit has one of the latter, which holds
// here too, and a vendor's library may need anything that does no harm. kModuleFailed if the kernel
// or libseccomp does not take them.

#pragma once

#include "lib/base/error.h"
#include "lib/pki/module.h"

namespace ecryptfs::pki {

base::Result<void> refuse_common_calls();
base::Result<void> refuse_unneeded_calls(const ModuleNeeds& needs);

}  // namespace ecryptfs::pki
