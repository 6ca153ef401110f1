// SPDX-License-Identifier: Apache-2.0

#include "mount-helper/user_lock.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temporary_folder.h"
#include "tests/support/wait.h"
#include "tests/unit/support.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;
using mount_helper::take_user_lock;

constexpr uid_t kAda = 1234;
constexpr uid_t kBob = 1235;

// proc(5): "1: -> FLOCK  ADVISORY  WRITE 4711 …" of who waits.
bool waits_for_a_lock(pid_t pid) {
    std::ifstream locks("/proc/locks");
    for (std::string line; std::getline(locks, line);) {
        if (line.contains("-> FLOCK") && line.contains(" " + std::to_string(pid) + " ")) {
            return true;
        }
    }
    return false;
}

class UserLock : public ::testing::Test {
  protected:
    // A process that takes the lock and ends.
    pid_t start_taking() const {
        const pid_t child = ::fork();
        if (child == 0) {
            ::close_range(3, ~0U, 0);  // this one's lock among them
            ::_exit(take_user_lock(folder_.path(), kAda) ? 0 : 1);
        }
        return child;
    }
    TemporaryFolder folder_;
};

TEST_F(UserLock, SecondOfSameUserWaits) {
    auto lock = take_user_lock(folder_.path(), kAda);
    ASSERT_TRUE(lock);
    const pid_t next = start_taking();
    wait_until("the next one waits", [&] { return waits_for_a_lock(next); });
    EXPECT_TRUE(take_user_lock(folder_.path(), kBob)) << "another user's is free";
    EXPECT_EQ(::waitpid(next, nullptr, WNOHANG), 0);
    lock->reset();
    int status = -1;
    EXPECT_EQ(::waitpid(next, &status, 0), next);
    EXPECT_EQ(status, 0);
}

TEST_F(UserLock, LockFileIsPrivateAndNoLink) {
    ASSERT_TRUE(take_user_lock(folder_.path(), kAda));
    const fs::path file = folder_.path() / "ecryptfs-mount-helper.1234.lock";
    struct stat status{};
    ASSERT_EQ(::stat(file.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode, S_IFREG | 0600U);
    fs::rename(file, folder_.path() / "elsewhere");
    fs::create_symlink("elsewhere", file);
    EXPECT_EQ(take_user_lock(folder_.path(), kAda).error(), ELOOP);
    EXPECT_EQ(take_user_lock(folder_.path() / "none", kAda).error(), ENOENT);
}

}  // namespace
}  // namespace ecryptfs::test
