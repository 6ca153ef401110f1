// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <sys/types.h>

#include "lib/mount/helper_protocol.h"

namespace ecryptfs::mount_helper {

// Checks both folders and mounts the one on the other, nosuid and nodev, and restricted as the two
// folders' own mounts are. The mount is made apart
// from the tree, compared with the descriptor of the lower folder, and only then attached to that
// of the upper: nobody ever sees a wrong one. Keys must be where request_key(2) finds them for this
// process.
mount::Reply mount_folder(const mount::MountRequest& request, int lower, int upper, uid_t user);

}  // namespace ecryptfs::mount_helper
