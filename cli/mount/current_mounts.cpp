// SPDX-License-Identifier: Apache-2.0

#include "cli/mount/current_mounts.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/files/whole_file.h"
#include "cli/mount/processes.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

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

}  // namespace ecryptfs::cli
