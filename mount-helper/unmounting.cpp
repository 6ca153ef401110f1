// SPDX-License-Identifier: Apache-2.0

#include "mount-helper/unmounting.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/handle.h"
#include "mount-helper/folder_check.h"

namespace ecryptfs::mount_helper {
namespace {

using mount::Reply;
using mount::Verdict;

// While this descriptor is open, the mount is busy: it is closed again before umount2(2).
Checked<void> check_mount(const mount::UnmountRequest& request, int parent, uid_t user) {
    const base::UniqueFd root(
        ::openat(parent, request.name.c_str(), O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC));
    struct statfs file_system{};
    struct statx status{};
    if (!root || ::fstatfs(root.get(), &file_system) != 0 ||
        ::statx(root.get(), "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_UID | STATX_MNT_ID,
                &status) != 0 ||
        file_system.f_type != ECRYPTFS_SUPER_MAGIC ||
        (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) == 0 ||
        (status.stx_mask & STATX_MNT_ID) == 0 || status.stx_mnt_id != request.mount_id) {
        return Refusal(Reply{.verdict = Verdict::kNotThatMount});
    }
    if (user != 0 && status.stx_uid != user) {
        return Refusal(Reply{.verdict = Verdict::kMountOfAnother, .owner = status.stx_uid});
    }
    return {};
}

}  // namespace

Reply unmount_folder(const mount::UnmountRequest& request, int parent, uid_t user) {
    if (const auto fine = check_mount(request, parent, user); !fine) {
        return fine.error();
    }
    // From within the folder that was looked into, and not through a link. A mount point cannot be
    // renamed: what the name leads to is what was looked at.
    const int flags = UMOUNT_NOFOLLOW | (request.lazy ? MNT_DETACH : 0);
    if (::fchdir(parent) != 0 || ::umount2(request.name.c_str(), flags) != 0) {
        return {.verdict = Verdict::kUnmountFailed, .error_number = errno};
    }
    return {};
}

}  // namespace ecryptfs::mount_helper
