// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <sys/types.h>

#include "lib/base/bytes.h"

namespace ecryptfs::cli {

// The owning group's rights in a POSIX access control list, as far as the mask allows them: bits
// 0070, or none if the list cannot be read. The kernel gives the list in `system.posix_acl_access`
// (include/uapi/linux/posix_acl_xattr.h). The file's mode has the mask in these bits instead. Pure.
mode_t group_rights(base::ByteView list);

// The rights that all named users and groups have in common, as bits 0007: all rights if nobody is
// named, none if the list cannot be read. Without the list they may get the group's rights or those
// of others. Pure.
mode_t named_rights(base::ByteView list);

}  // namespace ecryptfs::cli
