// SPDX-License-Identifier: Apache-2.0
//
// Lower files as system calls have them.

#pragma once

#include <sys/stat.h>

#include <cstdint>

#include "fuse/file_contents.h"
#include "fuse/mount_keys.h"
#include "fuse/node_table.h"
#include "fuse/outcome.h"
#include "lib/base/handle.h"

namespace ecryptfs::fuse {

// Opens, for this process's own use, a file of its user's whose mode lacks one of these `rights` of
// its owner. EACCES for any other file. Who asked is not to be shown more than the mode allows.
Outcome<base::UniqueFd> open_against_mode(const base::UniqueFd& way, int flags, mode_t rights);

// What the header of a regular file, open for reading, says, which needs no key. A file that is
// empty below is empty. EIO if there is no header.
Outcome<std::uint64_t> read_plain_size(const base::UniqueFd& fd, const struct stat& status);

// The contents of a lower file, which is borrowed. One that is empty below gets a header if it can
// be written; `in_attribute` says where. kWouldWait where the keys' owner is to be asked and this
// thread may not wait.
Outcome<FileContents> open_contents(const OpenLower& file, MountKeys& keys, bool in_attribute);

// A lower file that has just been made gets its header.
Outcome<FileContents> write_new_file(const OpenLower& file, const NewFile& fresh,
                                     bool in_attribute);

}  // namespace ecryptfs::fuse
