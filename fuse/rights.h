// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "lib/base/error.h"
#include "lib/base/handle.h"

namespace ecryptfs::fuse {

// Gives up for good what serving a mount does not take: new privileges; other programs and
// processes; by a filter of system calls all but files, the user's keyrings and local sockets; and,
// where the kernel has Landlock, files outside the lower folder. Binds this thread and those that
// it starts: call it before there are others, and when the folder is mounted. Who `serves_others`
// may still act as they (fuse/acting_as.h). kInternal.
base::Result<void> give_up_rights(const base::UniqueFd& lower, bool serves_others);

}  // namespace ecryptfs::fuse
