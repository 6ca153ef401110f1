// SPDX-License-Identifier: Apache-2.0
//
// Seccomp filters: the listed system calls fail with EPERM from now on, in all threads. The lists
// say what is refused, as a vendor's library may need any harmless call. The agent's unit has a
// list of what is allowed, which holds here too. kModuleFailed if the kernel or libseccomp refuses
// them.

#pragma once

#include "lib/base/error.h"
#include "lib/pki/module.h"

namespace ecryptfs::pki {

base::Result<void> refuse_common_calls();
base::Result<void> refuse_unneeded_calls(const ModuleNeeds& needs);

}  // namespace ecryptfs::pki
