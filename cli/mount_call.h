// SPDX-License-Identifier: Apache-2.0
//
// mount(2) and umount2(2), as root, and their errors in words.

#pragma once

#include <string>

#include "cli/mounted_folder.h"
#include "lib/base/error.h"

namespace ecryptfs::cli {

// Keys must be where request_key(2) finds them for this process. Set-user-ID programs and devices
// in the folder are without effect.
base::Result<void> mount_folder(const std::string& lower, const std::string& upper,
                                const FolderOptions& options);

// `kernel_said`: the kernel's own line about it, or empty.
base::Error mount_error(int error_number, const std::string& lower, const std::string& upper,
                        const std::string& kernel_said);

// `lazy`: gone from the tree at once, and for good when nothing uses it any more. kBusy, with the
// processes that use it.
base::Result<void> unmount_folder(const std::string& upper, bool lazy);

}  // namespace ecryptfs::cli
