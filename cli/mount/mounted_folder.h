// SPDX-License-Identifier: Apache-2.0
//
// eCryptfs mounts, of the kernel and of ecryptfs-fuse: their options, and the existing ones as
// /proc/self/mountinfo lists them. Pure.

#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"
#include "lib/mount/folder_options.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::cli {

using mount::FolderOptions;

// "ecryptfs_sig=…,ecryptfs_cipher=aes,…", as mount(2) takes them: without read_only.
std::string kernel_options(const FolderOptions& options);

// What mount(8) takes after -o, for a mount like our own: with nosuid and nodev.
std::string mount_options(const FolderOptions& options);

// Who mounts a folder: the kernel's eCryptfs, or ecryptfs-fuse.
enum class MountWay : std::uint8_t { kKernel, kUserSpace };

// A whole line for /etc/fstab.
std::string fstab_line(const std::string& lower, const std::string& upper,
                       const FolderOptions& options, MountWay way);

// The value of an option that is on or off: "", "y" and "yes", or "n" and "no", which ~/.ecryptfsrc
// may have. Else kMalformed.
base::Result<bool> parse_yes_or_no(std::string_view value);

// Reads one "name" or "name=value" of a mount's options into `options`. False for a name that is
// not one of them, kMalformed for a value that is impossible.
base::Result<bool> take_option(std::string_view option, FolderOptions& options);

struct MountedFolder {
    std::string lower;
    std::string upper;
    FolderOptions options = {};  // in user space the table has read_only only
    std::uint64_t id = 0;        // the kernel's number for it, until it is unmounted
    MountWay way = MountWay::kKernel;
    std::optional<uid_t> owner = {};  // who mounted it, in user space
};

// Whether the mount's files or names are encrypted with this key.
bool uses_key(const MountedFolder& mount, const wire::KeySignature& signature);

// The eCryptfs mounts in the text of a mountinfo file (proc(5)), in its order: a later mount on the
// same upper folder hides the earlier one.
std::vector<MountedFolder> parse_mount_table(std::string_view mountinfo);

// The command line of a process as /proc/PID/cmdline has it, if it is an ecryptfs-fuse's: what it
// mounts where, and how.
std::optional<MountedFolder> parse_fuse_command(std::string_view command_line);

// Writes blanks, tabs, line ends, backslashes and # as \040: in fstab(5) they would end a field.
std::string escaped_field(std::string_view text);
std::string unescaped_field(std::string_view text);

}  // namespace ecryptfs::cli
