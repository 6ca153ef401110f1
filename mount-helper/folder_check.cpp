// SPDX-License-Identifier: Apache-2.0

#include "mount-helper/folder_check.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/fsuid.h>
#include <sys/vfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <string_view>

#include "lib/base/handle.h"

namespace ecryptfs::mount_helper {
namespace {

using mount::Reply;
using mount::Verdict;

// Those that hold files of users. In others a user owns folders that are none, as /proc/PID, over
// which a mount would mislead programs (CVE-2016-1572), or below which writing by root's
// descriptors means more than writing (cgroups). linux/magic.h lacks some.
constexpr auto kFileSystems = std::to_array<std::uint32_t>({EXT4_SUPER_MAGIC,
                                                            XFS_SUPER_MAGIC,
                                                            BTRFS_SUPER_MAGIC,
                                                            F2FS_SUPER_MAGIC,
                                                            TMPFS_MAGIC,
                                                            RAMFS_MAGIC,
                                                            OVERLAYFS_SUPER_MAGIC,
                                                            ECRYPTFS_SUPER_MAGIC,
                                                            NFS_SUPER_MAGIC,
                                                            CIFS_SUPER_MAGIC,
                                                            SMB2_SUPER_MAGIC,
                                                            SMB_SUPER_MAGIC,
                                                            CEPH_SUPER_MAGIC,
                                                            V9FS_MAGIC,
                                                            FUSE_SUPER_MAGIC,
                                                            AFS_SUPER_MAGIC,
                                                            MSDOS_SUPER_MAGIC,
                                                            EXFAT_SUPER_MAGIC,
                                                            REISERFS_SUPER_MAGIC,
                                                            NILFS_SUPER_MAGIC,
                                                            OCFS2_SUPER_MAGIC,
                                                            JFFS2_SUPER_MAGIC,
                                                            0x3153464a /* JFS */,
                                                            0x2fc12fc1 /* ZFS */,
                                                            0xca451a4e /* bcachefs */,
                                                            0x01161970 /* GFS2 */,
                                                            0x7366746e /* NTFS3 */,
                                                            0x24051905 /* UBIFS */,
                                                            0x786f4256 /* vboxsf */});

bool holds_files_of_users(int folder) {
    struct statfs status{};
    return ::fstatfs(folder, &status) == 0 &&
           std::ranges::find(kFileSystems, static_cast<std::uint32_t>(status.f_type)) !=
               kFileSystems.end();
}

// `unreadable`: the verdict where the file system does not tell root, as FUSE for its own user
// alone.
Checked<struct stat> folder_status(int folder, Verdict unreadable) {
    struct stat status{};
    if (::fstat(folder, &status) != 0 && errno != EBADF) {
        return Refusal(Reply{unreadable, errno});
    }
    if (!S_ISDIR(status.st_mode)) {
        return Refusal(Reply{.verdict = Verdict::kNotAFolder});
    }
    return status;
}

// To read. A server of files may grant root less than its user (NFS: root_squash).
base::UniqueFd open_entries(int folder, uid_t user) {
    const auto open = [folder] {
        return base::UniqueFd(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    };
    auto entries = open();
    if (!entries && errno == EACCES) {
        const auto before = static_cast<uid_t>(::setfsuid(user));
        entries = open();
        const int error_number = errno;
        ::setfsuid(before);
        errno = error_number;
    }
    return entries;
}

// kUpperNotEmpty, kUpperUnreadable.
Checked<void> check_empty(int folder, uid_t user) {
    auto readable = open_entries(folder, user);
    const base::Handle<DIR, ::closedir> entries(readable ? ::fdopendir(readable.get()) : nullptr);
    if (!entries) {
        return Refusal(Reply{Verdict::kUpperUnreadable, errno});
    }
    readable.release();  // closed with `entries`
    errno = 0;
    while (const auto* entry = ::readdir(entries.get())) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") {
            return Refusal(Reply{.verdict = Verdict::kUpperNotEmpty});
        }
    }
    return errno == 0 ? Checked<void>() : Refusal(Reply{Verdict::kUpperUnreadable, errno});
}

}  // namespace

Checked<struct stat> check_lower(int folder, uid_t user) {
    const auto status = folder_status(folder, Verdict::kLowerUnreadable);
    if (!status) {
        return status;
    }
    if (user != 0 && status->st_uid != user) {
        return Refusal(Reply{.verdict = Verdict::kLowerOfAnother, .owner = status->st_uid});
    }
    if (user != 0 && !holds_files_of_users(folder)) {
        return Refusal(Reply{.verdict = Verdict::kUnfitLower});
    }
    return status;
}

Checked<void> check_upper(int folder, uid_t user, const struct stat& lower, bool may_hide_files) {
    const auto status = folder_status(folder, Verdict::kUpperUnreadable);
    if (!status) {
        return Refusal(status.error());
    }
    if (status->st_uid != user) {
        return Refusal(Reply{.verdict = Verdict::kUpperOfAnother, .owner = status->st_uid});
    }
    if (!holds_files_of_users(folder)) {
        return Refusal(Reply{.verdict = Verdict::kUnfitUpper});
    }
    const bool is_lower = status->st_dev == lower.st_dev && status->st_ino == lower.st_ino;
    return is_lower || may_hide_files ? Checked<void>() : check_empty(folder, user);
}

}  // namespace ecryptfs::mount_helper
