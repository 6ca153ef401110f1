// SPDX-License-Identifier: Apache-2.0
//
// eCryptfs mounts: the options that make one, and what /proc/self/mountinfo says of those there
// are. Pure, but for mounted_folders().

#pragma once

#include <cstddef>
#include <cstdint>
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

// A whole line for /etc/fstab.
std::string fstab_line(const std::string& lower, const std::string& upper,
                       const FolderOptions& options);

// An option that is a mark: "", "y" and "yes", or, as ~/.ecryptfsrc may say, "n" and "no". Else
// kMalformed.
base::Result<bool> parse_yes(std::string_view value);

// Takes one "name" or "name=value" of a mount's options. False for one that says nothing of these;
// kMalformed for a value that cannot be.
base::Result<bool> take_option(std::string_view option, FolderOptions& options);

struct MountedFolder {
    std::string lower;
    std::string upper;
    FolderOptions options;
    std::uint64_t id = 0;  // what the kernel numbers it by, until it is unmounted
};

// Whether a mount's files or names are encrypted with it.
bool uses_key(const MountedFolder& mount, const wire::KeySignature& signature);

// The eCryptfs mounts in the text of a mountinfo file, in its order, in which a later one of the
// same upper folder hides the earlier. proc(5).
std::vector<MountedFolder> parse_mount_table(std::string_view mountinfo);

// Those of this mount namespace.
base::Result<std::vector<MountedFolder>> mounted_folders();

// Blanks, tabs, line ends, backslashes and # as \040: for fstab(5), whose fields they would end.
std::string escaped_field(std::string_view text);
std::string unescaped_field(std::string_view text);

}  // namespace ecryptfs::cli
