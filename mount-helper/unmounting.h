// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <sys/types.h>

#include "lib/mount/helper_protocol.h"

namespace ecryptfs::mount_helper {

// Takes away an eCryptfs mount of the user's, or for root anybody's. `parent`: the folder that the
// mount point is in. What is mounted there under that number is checked, and other helpers for the
// same user wait meanwhile. A lazy request takes away exactly what was checked. Any other goes by
// the name in `parent` once more: if root itself unmounts or mounts there between the two, or the
// user exchanges the mount point by another (as can be done from another mount namespace), it takes
// away what is there then.
mount::Reply unmount_folder(const mount::UnmountRequest& request, int parent, uid_t user);

}  // namespace ecryptfs::mount_helper
