// SPDX-License-Identifier: Apache-2.0

#include "mount-helper/mount_restrictions.h"

#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

namespace ecryptfs::mount_helper {
namespace {

// linux/statfs.h, which cannot be included together with sys/vfs.h.
constexpr long kStNosymfollow = 0x2000;

}  // namespace

Checked<unsigned> mount_restrictions(int lower, int upper) {
    struct statfs of_lower{}, of_upper{};
    if (::fstatfs(lower, &of_lower) != 0 || ::fstatfs(upper, &of_upper) != 0) {
        return Refusal(mount::Reply{.verdict = mount::Verdict::kNotAFolder});
    }
    const auto of_either = of_lower.f_flags | of_upper.f_flags;
    return ((of_either & ST_NOEXEC) != 0 ? MOUNT_ATTR_NOEXEC : 0U) |
           ((of_either & kStNosymfollow) != 0 ? MOUNT_ATTR_NOSYMFOLLOW : 0U) |
           ((of_lower.f_flags & ST_RDONLY) != 0 ? MOUNT_ATTR_RDONLY : 0U);
}

}  // namespace ecryptfs::mount_helper
