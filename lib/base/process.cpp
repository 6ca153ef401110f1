// SPDX-License-Identifier: Apache-2.0

#include "lib/base/process.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>

namespace ecryptfs::base {

Result<void> forbid_dumps() {
    const rlimit none{.rlim_cur = 0, .rlim_max = 0};
    if (::setrlimit(RLIMIT_CORE, &none) != 0) {
        return std::unexpected(system_error(ErrorCode::kInternal, "forbidding core dumps", errno));
    }
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return std::unexpected(system_error(ErrorCode::kInternal, "forbidding dumps", errno));
    }
    return {};
}

}  // namespace ecryptfs::base
