// SPDX-License-Identifier: Apache-2.0

#include "mount-helper/mount_restrictions.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "lib/base/handle.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/support.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;
using mount_helper::mount_restrictions;

// MS_* of the mounts that the folders are on, and MOUNT_ATTR_*.
struct Case {
    unsigned long lower = 0;
    unsigned long upper = 0;
    unsigned expected = 0;
};

// In a name space of its own. What went wrong, as an exit code.
int check(const fs::path& folder, uid_t user, const Case& mounts) {
    const auto lower = folder / "lower";
    const auto upper = folder / "upper";
    std::ofstream("/proc/self/uid_map") << fmt::format("0 {} 1", user) << std::flush;
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", lower.c_str(), "tmpfs", mounts.lower, nullptr) != 0 ||
        ::mount("none", upper.c_str(), "tmpfs", mounts.upper, nullptr) != 0) {
        return errno;
    }
    const base::UniqueFd lower_fd(::open(lower.c_str(), O_PATH | O_CLOEXEC));
    const base::UniqueFd upper_fd(::open(upper.c_str(), O_PATH | O_CLOEXEC));
    return mount_restrictions(lower_fd.get(), upper_fd.get()) == mounts.expected ? 0 : 200;
}

// Not fork() and unshare(): sanitizers would start a thread in the child.
int check_in_child(const fs::path& folder, const Case& mounts) {
    const auto user = ::geteuid();
    const auto child = static_cast<pid_t>(
        ::syscall(SYS_clone, SIGCHLD | CLONE_NEWUSER | CLONE_NEWNS, nullptr, nullptr, nullptr, 0));
    if (child == 0) {
        ::_exit(check(folder, user, mounts));
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(MountRestrictions, CombineThoseOfBothFolders) {
    const TemporaryFolder folder;
    fs::create_directories(folder.path() / "lower");
    fs::create_directories(folder.path() / "upper");
    const auto cases = std::to_array<Case>({
        {0, 0, 0},
        {MS_NOEXEC, 0, MOUNT_ATTR_NOEXEC},
        {0, MS_NOEXEC, MOUNT_ATTR_NOEXEC},
        {MS_NOSYMFOLLOW, 0, MOUNT_ATTR_NOSYMFOLLOW},
        {0, MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW},
        {MS_RDONLY | MS_NOEXEC, 0, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC},
        {0, MS_RDONLY, 0},  // what is written is in the lower folder
    });
    for (const auto& mounts : cases) {
        EXPECT_EQ(check_in_child(folder.path(), mounts), 0)
            << fmt::format("{:#x} {:#x}", mounts.lower, mounts.upper);
    }
}

TEST(MountRestrictions, UnknownMountIsAnError) {
    const base::UniqueFd folder(::open("/", O_PATH | O_CLOEXEC));
    EXPECT_TRUE(mount_restrictions(folder.get(), folder.get()));
    EXPECT_FALSE(mount_restrictions(folder.get(), -1));
    EXPECT_FALSE(mount_restrictions(-1, folder.get()));
}

}  // namespace
}  // namespace ecryptfs::test
