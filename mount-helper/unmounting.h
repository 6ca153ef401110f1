// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <sys/types.h>

#include "lib/mount/helper_protocol.h"

namespace ecryptfs::mount_helper {

// Takes away an eCryptfs mount of the user's, or for root anybody's. `parent`: the folder that the
// mount point is in. Nothing but what is mounted there under that number is touched.
mount::Reply unmount_folder(const mount::UnmountRequest& request, int parent, uid_t user);

}  // namespace ecryptfs::mount_helper
