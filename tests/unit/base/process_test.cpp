// SPDX-License-Identifier: Apache-2.0

#include "lib/base/process.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "tests/unit/support.h"

namespace ecryptfs::base {
namespace {

TEST(ForbidDumps, DisablesCoreFilesAndTracing) {
    const auto state = test::in_child([]() -> std::string {
        if (!forbid_dumps()) {
            return "failed";
        }
        rlimit core{.rlim_cur = 1, .rlim_max = 1};
        ::getrlimit(RLIMIT_CORE, &core);
        return std::to_string(core.rlim_cur) + " " + std::to_string(core.rlim_max) + " " +
               std::to_string(::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
    });
    EXPECT_EQ(state, "0 0 0");
}

}  // namespace
}  // namespace ecryptfs::base
