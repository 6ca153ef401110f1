// SPDX-License-Identifier: Apache-2.0
//
// Mounting and unmounting by the helper, and its refusals in words.

#pragma once

#include <string>

#include "cli/mount/helper.h"
#include "cli/mount/mounted_folder.h"
#include "lib/base/error.h"

namespace ecryptfs::cli {

struct FolderPair {
    std::string lower;  // both are paths without links
    std::string upper;
    FolderOptions options = {};
    bool may_hide_files = false;
};

// Keys must be where request_key(2) finds them for the helper. Set-user-ID programs and devices in
// the folder are without effect. kAccessDenied for folders of others, and without a helper.
base::Result<void> mount_folder(MountSession& session, const FolderPair& folders);

// `kernel_said`: the kernel's own line about it, or empty.
base::Error mount_error(int error_number, const std::string& lower, const std::string& upper,
                        const std::string& kernel_said);

// `lazy`: gone from the tree at once, and for good when nothing uses it any more. kBusy, with the
// processes that use it, as far as this user may see them; kAccessDenied for a mount of another.
base::Result<void> unmount_folder(MountSession& session, const MountedFolder& mount, bool lazy);

// A refusal of the helper's in words. `user`: who it works for.
base::Error refusal_error(const mount::Reply& reply, const FolderPair& folders,
                          const std::string& user);

}  // namespace ecryptfs::cli
