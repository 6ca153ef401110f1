// SPDX-License-Identifier: Apache-2.0

#include "mount-helper/mounting.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <string>

#include "lib/base/handle.h"
#include "lib/base/try.h"
#include "mount-helper/folder_check.h"
#include "mount-helper/kernel_log.h"
#include "mount-helper/mount_restrictions.h"

namespace ecryptfs::mount_helper {
namespace {

using base::UniqueFd;
using mount::Reply;
using mount::Verdict;

constexpr std::size_t kLongestValue = 255;  // fs/fsopen.c: FSCONFIG_SET_STRING

Refusal mount_failed(const KernelLogTail& log) {
    const int error_number = errno;
    return Refusal(Reply{.verdict = Verdict::kMountFailed,
                         .error_number = error_number,
                         .kernel_said = log.last_line()});
}

// The folder's path at this moment: eCryptfs takes nothing else, and mountinfo shows it.
Checked<std::string> find_path(int folder) {
    std::array<char, PATH_MAX> path{};
    const auto link = "/proc/self/fd/" + std::to_string(folder);
    const auto size = ::readlink(link.c_str(), path.data(), path.size());
    if (size <= 0 || path.front() != '/') {
        return Refusal(Reply{.verdict = Verdict::kLowerExchanged});
    }
    if (static_cast<std::size_t>(size) > kLongestValue) {
        return Refusal(Reply{.verdict = Verdict::kPathTooLong});
    }
    return std::string(path.data(), static_cast<std::size_t>(size));
}

bool set_option(int context, const std::string& name, const std::string& value) {
    return value.empty()
               ? ::fsconfig(context, FSCONFIG_SET_FLAG, name.c_str(), nullptr, 0) == 0
               : ::fsconfig(context, FSCONFIG_SET_STRING, name.c_str(), value.c_str(), 0) == 0;
}

bool configure(int context, const std::string& source, const mount::FolderOptions& options) {
    if (!set_option(context, "source", source) ||
        (options.read_only && !set_option(context, "ro", ""))) {
        return false;
    }
    for (const auto& [name, value] : mount::kernel_option_list(options)) {
        if (!set_option(context, name, value)) {
            return false;
        }
    }
    return ::fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0;
}

// A mount that is nowhere in the tree yet, and goes with its descriptor.
Checked<UniqueFd> make_mount(const std::string& source, const mount::FolderOptions& options,
                             unsigned attributes) {
    const KernelLogTail log;
    const UniqueFd context(::fsopen("ecryptfs", FSOPEN_CLOEXEC));
    if (!context || !configure(context.get(), source, options)) {
        return mount_failed(log);
    }
    UniqueFd mount(::fsmount(context.get(), FSMOUNT_CLOEXEC, attributes));
    return mount ? Checked<UniqueFd>(std::move(mount)) : mount_failed(log);
}

// eCryptfs' root has the inode number, the owner and the file system's number of what it is mounted
// from (inode.c: ecryptfs_inode_set, super.c: ecryptfs_statfs). The owner was the user: whatever
// else was made to look alike could only be another folder of that user.
bool shows_folder(int mount, int lower, const struct stat& expected) {
    struct stat shown{};
    struct statfs file_system{}, lower_file_system{};
    return ::fstat(mount, &shown) == 0 && ::fstatfs(mount, &file_system) == 0 &&
           ::fstatfs(lower, &lower_file_system) == 0 &&
           file_system.f_type == ECRYPTFS_SUPER_MAGIC && S_ISDIR(shown.st_mode) &&
           shown.st_ino == expected.st_ino && shown.st_uid == expected.st_uid &&
           shown.st_gid == expected.st_gid &&
           std::memcmp(&file_system.f_fsid, &lower_file_system.f_fsid, sizeof file_system.f_fsid) ==
               0;
}

// Those of our own, and those of both folders' mounts (mount_restrictions.h).
Checked<unsigned> mount_attributes(int lower, int upper, bool read_only) {
    const auto restrictions = TRY(mount_restrictions(lower, upper));
    return restrictions | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
           (read_only ? MOUNT_ATTR_RDONLY : 0U);
}

}  // namespace

Reply mount_folder(const mount::MountRequest& request, int lower, int upper, uid_t user) {
    const auto status = check_lower(lower, user);
    if (!status) {
        return status.error();
    }
    if (const auto fine = check_upper(upper, user, *status, request.may_hide_files); !fine) {
        return fine.error();
    }
    const auto source = find_path(lower);
    const auto attributes = mount_attributes(lower, upper, request.options.read_only);
    if (!source || !attributes) {
        return source ? attributes.error() : source.error();
    }
    const auto mount = make_mount(*source, request.options, *attributes);
    if (!mount) {
        return mount.error();
    }
    if (!shows_folder(mount->get(), lower, *status)) {
        return {.verdict = Verdict::kLowerExchanged};
    }
    if (::move_mount(mount->get(), "", upper, "",
                     MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0) {
        return {.verdict = Verdict::kMountFailed, .error_number = errno};
    }
    return {};
}

}  // namespace ecryptfs::mount_helper
