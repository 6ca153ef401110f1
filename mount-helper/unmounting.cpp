// SPDX-License-Identifier: Apache-2.0

#include "mount-helper/unmounting.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "lib/base/handle.h"
#include "mount-helper/folder_check.h"
#include "mount-helper/user_lock.h"

namespace ecryptfs::mount_helper {
namespace {

using base::UniqueFd;
using mount::Reply;
using mount::Verdict;

constexpr char kLockFolder[] = "/run";

// The mount's root, if the user may have the mount taken away.
Checked<UniqueFd> open_mount(const mount::UnmountRequest& request, int parent, uid_t user) {
    UniqueFd root(
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
    return root;
}

// Whatever bears its name now.
bool detach(int root) {
    const auto link = "/proc/self/fd/" + std::to_string(root);
    return ::umount2(link.c_str(), MNT_DETACH) == 0;
}

// From within the folder that was looked into, and not through a link. A descriptor of the mount's
// own would keep it busy.
bool unmount_by_name(const std::string& name, int parent) {
    return ::fchdir(parent) == 0 && ::umount2(name.c_str(), UMOUNT_NOFOLLOW) == 0;
}

}  // namespace

Reply unmount_folder(const mount::UnmountRequest& request, int parent, uid_t user) {
    // Else another helper could take the mount away after it was looked at, and this one the mount
    // below it.
    const auto lock = take_user_lock(kLockFolder, user);
    if (!lock) {
        return {.verdict = Verdict::kUnmountFailed, .error_number = lock.error()};
    }
    auto root = open_mount(request, parent, user);
    if (!root) {
        return root.error();
    }
    if (!request.lazy) {
        root->reset();
    }
    const bool done = request.lazy ? detach(root->get()) : unmount_by_name(request.name, parent);
    return done ? Reply{} : Reply{.verdict = Verdict::kUnmountFailed, .error_number = errno};
}

}  // namespace ecryptfs::mount_helper
