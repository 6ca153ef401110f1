// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <vector>

#include "cli/mount/mounted_folder.h"

namespace ecryptfs::cli {

// The eCryptfs mounts of this mount namespace, as parse_mount_table() has them. The options of one
// in user space are those that its ecryptfs-fuse was started with; without keys if its process
// cannot be seen.
base::Result<std::vector<MountedFolder>> mounted_folders();

}  // namespace ecryptfs::cli
