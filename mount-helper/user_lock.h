// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <sys/types.h>

#include <expected>
#include <string>

#include "lib/base/handle.h"

namespace ecryptfs::mount_helper {

// Waits until no other helper has the lock of this user, and holds it until the descriptor is
// closed. `folder` is root's alone to write; the lock is a file in it. Else errno.
std::expected<base::UniqueFd, int> take_user_lock(const std::string& folder, uid_t user);

}  // namespace ecryptfs::mount_helper
