// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "lib/base/error.h"

namespace ecryptfs::pki {

// For a module that needs nothing: from now on this process has memory, threads, the reading of
// files, time, and the descriptors that it has; all other system calls fail with EPERM, also those
// that no kernel has yet. On top of other filters. kModuleFailed.
base::Result<void> allow_only_harmless_calls();

}  // namespace ecryptfs::pki
