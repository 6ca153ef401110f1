// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>
#include <vector>

#include "cli/mount/mounted_folder.h"

namespace ecryptfs::cli {

// The eCryptfs mounts of this mount namespace, as parse_mount_table() has them. The options of one
// in user space are those that its ecryptfs-fuse was started with; without keys if its process
// cannot be seen.
base::Result<std::vector<MountedFolder>> mounted_folders();

// Whether the kernel's eCryptfs shows the file or folder.
bool is_on_kernel_mount(const std::string& path);

// "ecryptfsctl umount FOLDER", with sudo if it needs that.
std::string unmount_command(const MountedFolder& mount);

// Whether nothing in a folder or file, or around it, is mounted by eCryptfs, as far as this mount
// namespace shows. kBusy for the lower files of a mount, kInvalidArgument for a mount's own files.
base::Result<void> check_unmounted(const std::string& path);

}  // namespace ecryptfs::cli
