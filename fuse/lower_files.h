// SPDX-License-Identifier: Apache-2.0
//
// Lower files and folders as system calls have them.

#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <string>

#include "fuse/file_contents.h"
#include "fuse/mount_keys.h"
#include "fuse/node_table.h"
#include "fuse/outcome.h"
#include "lib/base/handle.h"

namespace ecryptfs::fuse {

// What the header of a regular file says, which needs no key. A file that is empty below is empty.
// EIO if there is no header.
Outcome<std::uint64_t> read_plain_size(const Node& node, const struct stat& status);

// The contents of a lower file. One that is empty below gets a header if `can_write`;
// `in_attribute` says where.
Outcome<FileContents> open_contents(base::UniqueFd fd, MountKeys& keys, bool in_attribute,
                                    bool can_write);

// A lower file that has just been made gets its header.
Outcome<FileContents> write_new_file(base::UniqueFd fd, NewFile file, bool in_attribute);

// All entries of a folder, "." and ".." as well; `type` as in struct stat, 0 if it is not known.
Outcome<void> read_folder(
    base::UniqueFd fd,
    const std::function<void(const std::string& name, ino_t inode, mode_t type)>& take);

}  // namespace ecryptfs::fuse
