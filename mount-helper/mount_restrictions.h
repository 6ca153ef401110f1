// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "mount-helper/folder_check.h"

namespace ecryptfs::mount_helper {

// MOUNT_ATTR_* that a mount of the lower folder on the upper must have, as the mounts that these
// are on have them: noexec and nosymfollow of either, read-only of the lower one. By a mount a user
// must not run what an administrator keeps from being run, or write where only a bind mount is
// read-only. Folders may be O_PATH descriptors. kNotAFolder if a mount cannot be asked.
Checked<unsigned> mount_restrictions(int lower, int upper);

}  // namespace ecryptfs::mount_helper
