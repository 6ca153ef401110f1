// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "lib/base/error.h"

namespace ecryptfs::pki {

// For a module that needs nothing. From now on this process can use memory, threads, time and its
// open descriptors, and can read files. All other system calls fail with EPERM, even those of
// future kernels. Other filters still apply. kModuleFailed.
base::Result<void> allow_only_harmless_calls();

}  // namespace ecryptfs::pki
