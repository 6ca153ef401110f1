// SPDX-License-Identifier: Apache-2.0

#include "cli/mount/current_mounts.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <filesystem>

#include "cli/files/file_error.h"
#include "cli/files/whole_file.h"
#include "cli/mount/processes.h"
#include "lib/base/shell_word.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
namespace fs = std::filesystem;

constexpr long kEcryptfsMagic = 0xf15f;  // include/uapi/linux/magic.h

// What the kernel does not know of a mount in user space. Only a process of who mounted it counts.
void take_process_options(std::vector<MountedFolder>& mounts) {
    for (const auto& process : running_processes("")) {
        if (process.name != "ecryptfs-fuse") {
            continue;
        }
        const auto command =
            parse_fuse_command(read_system_file(fmt::format("/proc/{}/cmdline", process.pid)));
        for (auto& mount : mounts) {
            if (command && mount.way == MountWay::kUserSpace && mount.owner == process.uid &&
                mount.lower == command->lower && mount.upper == command->upper) {
                const bool read_only = mount.options.read_only;
                mount.options = command->options;
                mount.options.read_only |= read_only;
            }
        }
    }
}

bool is_below(const std::string& path, const std::string& folder) {
    return (path + "/").starts_with(folder + "/");
}

// Whether `folder` is `path`, or a folder above it. By inode, as bind mounts give a folder several
// paths.
bool contains(const std::string& folder, const std::string& path) {
    struct stat wanted{};
    if (is_below(path, folder)) {
        return true;
    }
    if (::stat(folder.c_str(), &wanted) != 0) {
        return false;
    }
    for (fs::path above = path;; above = above.parent_path()) {
        struct stat status{};
        if (::stat(above.c_str(), &status) == 0 && status.st_ino == wanted.st_ino &&
            status.st_dev == wanted.st_dev) {
            return true;
        }
        if (!above.has_relative_path()) {
            return false;
        }
    }
}

std::unexpected<Error> on_mount_error(const std::string& path) {
    return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                 fmt::format("{} is on an eCryptfs mount itself", path),
                                 "name the lower folder"});
}

}  // namespace

Result<std::vector<MountedFolder>> mounted_folders() {
    const auto text = read_system_file("/proc/self/mountinfo");
    if (text.empty()) {
        return std::unexpected(Error{ErrorCode::kInternal, "cannot read /proc/self/mountinfo",
                                     "mount it: sudo mount -t proc proc /proc"});
    }
    auto mounts = parse_mount_table(text);
    if (std::ranges::find(mounts, MountWay::kUserSpace, &MountedFolder::way) != mounts.end()) {
        take_process_options(mounts);
    }
    return mounts;
}

bool is_on_kernel_mount(const std::string& path) {
    struct statfs status{};
    return ::statfs(path.c_str(), &status) == 0 && status.f_type == kEcryptfsMagic;
}

std::string unmount_command(const MountedFolder& mount) {
    return fmt::format("{}ecryptfsctl umount {}", mount.way == MountWay::kKernel ? "sudo " : "",
                       base::shell_word(mount.upper));
}

Result<void> check_unmounted(const std::string& path) {
    std::error_code failure;
    const auto canonical = fs::canonical(path, failure).string();
    if (failure) {
        return std::unexpected(file_error(fmt::format("opening {}", path), failure.value()));
    }
    const auto mounts = TRY(mounted_folders());
    for (const auto& mount : mounts) {
        if (contains(mount.lower, canonical) || contains(canonical, mount.lower)) {
            return std::unexpected(Error{
                ErrorCode::kBusy, fmt::format("{} is mounted on {}", mount.lower, mount.upper),
                unmount_command(mount)});
        }
        if (is_below(canonical, mount.upper)) {
            return on_mount_error(path);
        }
    }
    return is_on_kernel_mount(canonical) ? on_mount_error(path) : Result<void>();
}

}  // namespace ecryptfs::cli
