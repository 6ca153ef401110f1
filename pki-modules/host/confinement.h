// SPDX-License-Identifier: Apache-2.0
//
// What a host takes away from itself, and so from its module, for good: seccomp and, where the
// kernel has it, Landlock. docs/threat-model.md says what is left. Main thread; the threads that it
// starts afterwards are bound as it is. kModuleFailed if the kernel refuses.

#pragma once

#include "lib/base/error.h"
#include "lib/pki/module.h"

namespace ecryptfs::pki {

// Other processes, keyrings, name spaces, the system's administration. Call it before any code of
// the module runs: loading is enough for that.
base::Result<void> give_up_common_rights();

// The rest, but for what the module says it needs, and the reading of files.
base::Result<void> give_up_unneeded_rights(const ModuleNeeds& needs);

}  // namespace ecryptfs::pki
