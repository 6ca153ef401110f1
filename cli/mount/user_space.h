// SPDX-License-Identifier: Apache-2.0
//
// Mounts and unmounts in user space, by ecryptfs-fuse and fusermount3, with the rights of the user
// that the process has become.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/mount/caller.h"
#include "cli/mount/mounted_folder.h"
#include "cli/mount/plan.h"
#include "lib/base/error.h"
#include "lib/base/sealed_memfd.h"

namespace ecryptfs::cli {

struct UserSpaceMount {
    std::string program;  // ecryptfs-fuse
    std::string lower;    // both paths are absolute
    std::string upper;
    FolderOptions options = {};
    std::vector<std::string> fuse_options = {};  // lists as typed behind -o
    // Those of a folder key, which no keyring gives out: see fuse/given_keys.h.
    std::shared_ptr<const base::SealedMemfd> keys = {};

    std::optional<int> input() const { return keys ? std::optional(keys->fd()) : std::nullopt; }
};

// Checks what the plan needs of the system, of ecryptfs-fuse and of the upper folder; gives the
// path of ecryptfs-fuse. kNotSupported for what is not installed, or what only the kernel does;
// kAccessDenied; kInvalidArgument for options that are not FUSE's.
base::Result<std::string> check_user_space(const MountPlan& plan, const Caller& caller,
                                           const std::vector<std::string>& fuse_options);

// The command line of ecryptfs-fuse.
std::vector<std::string> fuse_command(const UserSpaceMount& mount, bool foreground);

// Returns when it is mounted. Errors are those of ecryptfs-fuse, and of run_program().
base::Result<void> mount_in_user_space(const UserSpaceMount& mount);

// Stays until it is unmounted, or ends it at a signal that asks for the end. Calls `mounted` when
// it is mounted; an error of that ends the mount. Gives the keys away then.
base::Result<void> serve_in_user_space(UserSpaceMount mount,
                                       const std::function<base::Result<void>()>& mounted);

// Unmounts as unmount_folder() does, by fusermount3. kAccessDenied for a mount of another user.
base::Result<void> unmount_as_user(const MountedFolder& mount, const Caller& caller, bool lazy);

// The same without it: root may unmount what anybody mounted. `parent`: the folder it is in.
base::Result<void> unmount_as_root(const MountedFolder& mount, int parent, bool lazy);

}  // namespace ecryptfs::cli
