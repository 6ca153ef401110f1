// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <sys/types.h>

#include "lib/base/bytes.h"

namespace ecryptfs::cli {

// What the owning group may do by a POSIX access control list, as the kernel gives it in
// `system.posix_acl_access` (include/uapi/linux/posix_acl_xattr.h): rights of its entry, as far as
// the mask lets them. Bits 0070; none if the list cannot be read. A file's mode has the mask there
// instead. Pure.
mode_t group_rights(base::ByteView list);

// What every named user and group may do by it, bits 0007: all if none is named, none if the list
// cannot be read. Without the list they may have what the group or others have. Pure.
mode_t named_rights(base::ByteView list);

}  // namespace ecryptfs::cli
