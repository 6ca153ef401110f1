// SPDX-License-Identifier: Apache-2.0
//
// Mounts and unmounts by the helper, and words its refusals.

#pragma once

#include <string>

#include "cli/mount/helper.h"
#include "cli/mount/mounted_folder.h"
#include "lib/base/error.h"

namespace ecryptfs::cli {

struct FolderPair {
    std::string lower;  // both paths are without links
    std::string upper;
    FolderOptions options = {};
    bool may_hide_files = false;
};

// Keys must be where request_key(2) finds them for the helper. In the mount, set-user-ID programs
// and devices have no effect. kAccessDenied for folders of others, and without a helper.
base::Result<void> mount_folder(MountSession& session, const FolderPair& folders);

// `kernel_said`: the kernel's own line about it, or empty.
base::Error mount_error(int error_number, const std::string& lower, const std::string& upper,
                        const std::string& kernel_said);

base::Error not_mounted(const std::string& upper);

// `lazy`: the folder leaves the tree at once, and ends when nothing uses it any more. kBusy names
// the processes that use it, if this user may see them. kAccessDenied for a mount of another user.
base::Result<void> unmount_folder(MountSession& session, const MountedFolder& mount, bool lazy);

// The helper's refusal as an error. `user` is whom the helper works for.
base::Error refusal_error(const mount::Reply& reply, const FolderPair& folders,
                          const std::string& user);

}  // namespace ecryptfs::cli
