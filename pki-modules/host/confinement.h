// SPDX-License-Identifier: Apache-2.0
//
// A host gives up rights for good, and its module with it: by seccomp and, if the kernel has it,
// Landlock. docs/threat-model.md says which rights are left. Main thread; threads that it starts
// later are bound too. kModuleFailed if the kernel refuses.

#pragma once

#include "lib/base/error.h"
#include "lib/pki/module.h"

namespace ecryptfs::pki {

// Gives up other processes, keyrings, name spaces and the system's administration. Call it before
// the module is loaded, as loading runs its code.
base::Result<void> give_up_common_rights();

// Gives up all other rights, except those that the module says it needs, and reading files.
base::Result<void> give_up_unneeded_rights(const ModuleNeeds& needs);

}  // namespace ecryptfs::pki
