// SPDX-License-Identifier: Apache-2.0
//
// Whether a folder may be mounted, or mounted on, for a user. All is asked of the descriptor: what
// bears the folder's name now is another question. Root itself may mount anybody's folder, on its
// own.

#pragma once

#include <sys/stat.h>

#include <expected>

#include "lib/mount/helper_protocol.h"

namespace ecryptfs::mount_helper {

// Why not.
using Refusal = std::unexpected<mount::Reply>;
template <typename T>
using Checked = std::expected<T, mount::Reply>;

// The lower folder as it is now. `folder` may be an O_PATH descriptor. Root's own may be on any
// file system, as a disc that was written elsewhere.
Checked<struct stat> check_lower(int folder, uid_t user);

// `lower`: to mount a folder on itself hides nothing.
Checked<void> check_upper(int folder, uid_t user, const struct stat& lower, bool may_hide_files);

}  // namespace ecryptfs::mount_helper
