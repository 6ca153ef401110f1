// SPDX-License-Identifier: Apache-2.0

#include "lib/base/process.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
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

bool close_other_descriptors(std::vector<int> kept) {
    std::ranges::sort(kept);
    auto first = static_cast<unsigned>(STDERR_FILENO) + 1;
    bool closed = true;
    for (const auto fd : kept) {
        const auto next = static_cast<unsigned>(fd);
        closed = closed && (next <= first || ::close_range(first, next - 1, 0) == 0);
        first = next + 1;
    }
    return closed && ::close_range(first, ~0U, 0) == 0;
}

}  // namespace ecryptfs::base
