// SPDX-License-Identifier: Apache-2.0
//
// What a mount in user space needs of the system. `root` is put before the paths of its files: it
// is empty except in tests. kNotSupported for a part that is missing; the advice says how to get
// it.

#pragma once

#include <string>

#include "lib/base/error.h"

namespace ecryptfs::cli {

// Whether this process may open /dev/fuse.
base::Result<void> check_fuse_device(const std::string& root);

// The path of fusermount3, which mounts and unmounts for users.
base::Result<std::string> find_fusermount(const std::string& root);

// The path of ecryptfs-fuse: beside this program, or where a build has it.
base::Result<std::string> find_fuse_program();

// Whether /etc/fuse.conf lets users let others in (allow_other).
bool users_may_admit_others(const std::string& root);

}  // namespace ecryptfs::cli
