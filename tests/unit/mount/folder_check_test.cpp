// SPDX-License-Identifier: Apache-2.0
//
// The checks that ecryptfs-mount-helper makes through descriptors: whom a folder belongs to is
// asked for another user instead of with another's folder. tests/vm has the whole program.

#include "mount-helper/folder_check.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "lib/base/handle.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/support.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;
using mount::Verdict;
using mount_helper::check_lower;
using mount_helper::check_upper;

class FolderCheck : public ::testing::Test {
  protected:
    void SetUp() override {
        fs::create_directory(lower_path_);
        fs::create_directory(upper_path_);
        lower_ = open_path(lower_path_);
        upper_ = open_path(upper_path_);
        ASSERT_EQ(::fstat(lower_.get(), &lower_status_), 0);
    }
    static base::UniqueFd open_path(const fs::path& path) {
        base::UniqueFd fd(::open(path.c_str(), O_PATH | O_CLOEXEC));
        EXPECT_TRUE(fd) << path;
        return fd;
    }
    Verdict upper_verdict(int folder, uid_t user, bool may_hide_files = false) const {
        const auto checked = check_upper(folder, user, lower_status_, may_hide_files);
        return checked ? Verdict::kDone : checked.error().verdict;
    }

    const uid_t user_ = ::geteuid();
    const uid_t other_ = user_ + 1;
    TemporaryFolder folder_;
    const fs::path lower_path_ = folder_.path() / "lower";
    const fs::path upper_path_ = folder_.path() / "upper";
    base::UniqueFd lower_;
    base::UniqueFd upper_;
    struct stat lower_status_{};
};

TEST_F(FolderCheck, TakesOnlyFoldersOfTheUser) {
    EXPECT_TRUE(check_lower(lower_.get(), user_));
    EXPECT_EQ(upper_verdict(upper_.get(), user_), Verdict::kDone);
    const auto lower = check_lower(lower_.get(), other_);
    ASSERT_FALSE(lower);
    EXPECT_EQ(lower.error().verdict, Verdict::kLowerOfAnother);
    EXPECT_EQ(lower.error().owner, user_);
    EXPECT_EQ(upper_verdict(upper_.get(), other_), Verdict::kUpperOfAnother);
    EXPECT_EQ(upper_verdict(upper_.get(), other_, true), Verdict::kUpperOfAnother);
}

TEST_F(FolderCheck, ChecksOpenedFolderNotItsName) {
    std::ofstream(upper_path_ / "file");
    fs::rename(upper_path_, folder_.path() / "moved");
    fs::create_directory(upper_path_);
    EXPECT_EQ(upper_verdict(upper_.get(), user_), Verdict::kUpperNotEmpty);
    EXPECT_EQ(upper_verdict(upper_.get(), user_, true), Verdict::kDone);
}

TEST_F(FolderCheck, FolderOnItselfHidesNothing) {
    std::ofstream(lower_path_ / "file");
    EXPECT_EQ(upper_verdict(lower_.get(), user_), Verdict::kDone);
}

TEST_F(FolderCheck, RefusesFilesAndLinks) {
    std::ofstream(folder_.path() / "file");
    fs::create_directory_symlink("/etc", folder_.path() / "link");
    const auto file = open_path(folder_.path() / "file");
    const base::UniqueFd link(
        ::open((folder_.path() / "link").c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    EXPECT_EQ(upper_verdict(file.get(), user_), Verdict::kNotAFolder);
    EXPECT_EQ(upper_verdict(link.get(), user_), Verdict::kNotAFolder);
    EXPECT_EQ(upper_verdict(-1, user_), Verdict::kNotAFolder);
    EXPECT_EQ(check_lower(file.get(), user_).error().verdict, Verdict::kNotAFolder);
}

TEST_F(FolderCheck, RefusesKernelFileSystems) {
    // Of a user's, also where the tests are root's.
    const pid_t sleeper = ::fork();
    if (sleeper == 0) {
        static_cast<void>(::setresuid(1234, 1234, 1234));
        ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);  // or /proc/PID is root's
        ::raise(SIGSTOP);
        ::_exit(0);
    }
    int stopped = 0;
    ASSERT_EQ(::waitpid(sleeper, &stopped, WUNTRACED), sleeper);
    const auto process = open_path("/proc/" + std::to_string(sleeper));
    struct stat status{};
    ASSERT_EQ(::fstat(process.get(), &status), 0);
    ASSERT_NE(status.st_uid, 0U);
    EXPECT_EQ(upper_verdict(process.get(), status.st_uid), Verdict::kUnfitUpper);
    EXPECT_EQ(check_lower(process.get(), status.st_uid).error().verdict, Verdict::kUnfitLower);
    EXPECT_TRUE(check_lower(process.get(), 0)) << "as a disc of root's: iso9660, UDF, squashfs";
    ::kill(sleeper, SIGKILL);
    ::waitpid(sleeper, nullptr, 0);
}

// Root reads all; who cannot must not take it for empty.
TEST_F(FolderCheck, UnreadableFolderIsNotEmpty) {
    fs::permissions(upper_path_, fs::perms::none);
    const auto verdict = upper_verdict(upper_.get(), user_);
    EXPECT_EQ(verdict, user_ == 0 ? Verdict::kDone : Verdict::kUpperUnreadable);
    fs::permissions(upper_path_, fs::perms::owner_all);
}

}  // namespace
}  // namespace ecryptfs::test
