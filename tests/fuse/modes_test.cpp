// SPDX-License-Identifier: Apache-2.0
//
// Files that their own mode closes to their owner, on a user's mount.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "tests/fuse/mounted_folder.h"
#include "tests/support/command.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/vectors.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;

class Modes : public ::testing::Test {
  protected:
    void SetUp() override {
        fs::permissions(folder_.path(), fs::perms(0755));
        for (const auto& folder : {lower(), upper()}) {
            fs::create_directory(folder);
            ASSERT_EQ(::chown(folder.c_str(), user(), user()), 0);
        }
        ASSERT_EQ(::chown(folder_.path().c_str(), user(), user()), 0);
    }
    fs::path lower() const { return folder_.path() / "lower"; }
    fs::path upper() const { return folder_.path() / "upper"; }
    // Who mounts: an ordinary user. fusermount3 wants one that has a name.
    static constexpr uid_t kNobody = 65534;
    static uid_t user() { return ::geteuid() == 0 ? kNobody : ::geteuid(); }

    // Mounts, has a shell run the script in the mounted folder, and unmounts: as that user.
    Outcome run_mounted(const std::string& script) const {
        const std::string whole =
            "\"$0\" \"$1\" \"$2\" -o \"$3\" || exit 99\n"
            "(cd \"$2\" && " +
            script +
            "\n)\n"
            "fusermount3 -u \"$2\"";
        Arguments arguments{
            "/bin/sh", "-c", whole, ECRYPTFS_FUSE, lower(), upper(), mount_options(tokens_, false)};
        if (::geteuid() == 0) {
            const auto id = std::to_string(user());
            arguments.insert(arguments.begin(),
                             {"--reuid=" + id, "--regid=" + id, "--clear-groups"});
            return run({"/usr/bin/setpriv", arguments});
        }
        arguments.erase(arguments.begin());
        return run({"/bin/sh", arguments});
    }

    TemporaryFolder folder_;
    PassphraseTokens tokens_ = add_passphrase_tokens(kCorrectHorsePassphrase);
};

TEST_F(Modes, WriteOnlyFileIsWrittenAndNotRead) {
    const auto done = run_mounted(
        "echo first >file; chmod 200 file; stat -c '%s %a' file;"
        "echo second >>file && echo written; cat file;"
        "sh -c 'exec 3>>file; cat file; cat <file; echo third >&3; truncate -s 100000 file';"
        "stat -c '%s %a' file; truncate -s 19 file; chmod 600 file; cat file");
    EXPECT_EQ(done.out, "6 200\nwritten\n100000 200\nfirst\nsecond\nthird\n") << done.err;
    EXPECT_EQ(done.exit_code, 0) << done.err;
    EXPECT_THAT(done.err, ::testing::HasSubstr("Permission denied"));
}

TEST_F(Modes, ClosedFileHasItsSizeAndOpensForNobody) {
    const auto done = run_mounted(
        "echo first >file; chmod 0 file; cat file; echo second >file; echo second >>file;"
        "truncate -s 0 file; stat -c '%s %a' file; chmod 400 file; echo second >>file; cat file");
    EXPECT_EQ(done.out, "6 0\nfirst\n") << done.err;
    const auto again = run_mounted("chmod 0 file; stat -c '%s %a' file");
    EXPECT_EQ(again.out, "6 0\n") << again.err;
    struct stat status{};
    ASSERT_EQ(::stat((lower() / "file").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0U);
}

TEST_F(Modes, LookingAtClosedFileChangesItOnce) {
    const auto done = run_mounted("echo first >file; chmod 0 file");
    EXPECT_EQ(done.exit_code, 0) << done.err;
    const auto seen = run_mounted(
        "ls -l file >/dev/null; sleep 1.1; stat -c %z file >../first; sleep 1.1;"
        "stat -c %z file | cmp - ../first && echo same");
    EXPECT_EQ(seen.out, "same\n") << seen.err;
}

}  // namespace
}  // namespace ecryptfs::test
