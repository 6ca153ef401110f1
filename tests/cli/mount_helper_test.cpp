// SPDX-License-Identifier: Apache-2.0
//
// Why the mount helper does not do its work.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "cli/mount/helper.h"
#include "tests/support/matchers.h"
#include "tests/support/temporary_folder.h"

namespace ecryptfs::test {
namespace {

using base::ErrorCode;
using cli::MountHelper;
using ::testing::Not;

class MountHelperTest : public ::testing::Test {
  protected:
    // A program of this text; its path.
    std::string script(const std::string& text) const {
        const auto path = folder_.path() / "helper";
        std::ofstream(path) << "#!/bin/sh\n" << text << '\n';
        std::filesystem::permissions(path, std::filesystem::perms::owner_all);
        return path.string();
    }
    static base::Result<mount::Reply> ask(const std::string& program) {
        auto helper = MountHelper::start(1000, program.c_str());
        if (!helper) {
            return std::unexpected(helper.error());
        }
        const base::UniqueFd folder(::open("/", O_PATH | O_CLOEXEC));
        return helper->ask(mount::UnmountRequest{.name = "x"}, std::array{folder.get()});
    }

    TemporaryFolder folder_;
};

TEST_F(MountHelperTest, MissingHelperIsToBeInstalled) {
    const auto failed = MountHelper::start(1000, "/nowhere/helper");
    EXPECT_THAT(failed, FailsWith(ErrorCode::kInternal, "/nowhere/helper: No such file"));
    EXPECT_THAT(failed, FailsWith(ErrorCode::kInternal, "install the package"));
}

// The socket takes the last two descriptors, or finds none.
TEST_F(MountHelperTest, MissingDescriptorsAreNotItsFault) {
    const auto program = script("exit 0");
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    const auto enough = static_cast<rlim_t>(std::max(ends[0], ends[1])) + 1;
    ::close(ends[0]);
    ::close(ends[1]);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    for (const auto limit : {enough, enough - 1}) {
        const rlimit few{limit, before.rlim_max};
        ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
        const auto started = MountHelper::start(1000, program.c_str());
        ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
        if (limit == enough) {
            EXPECT_THAT(started, Succeeds());
        } else {
            EXPECT_THAT(started, FailsWith(ErrorCode::kInternal, "Too many open files"));
            EXPECT_THAT(started, Not(FailsWith(ErrorCode::kInternal, "install")));
        }
    }
}

TEST_F(MountHelperTest, EndWithoutAnswerIsReported) {
    EXPECT_THAT(ask(script("exit 3")), FailsWith(ErrorCode::kInternal, "exited with status 3"));
    EXPECT_THAT(ask(script("kill -KILL $$")),
                FailsWith(ErrorCode::kInternal, "was killed by signal KILL"));
}

}  // namespace
}  // namespace ecryptfs::test
