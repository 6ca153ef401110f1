// SPDX-License-Identifier: Apache-2.0
//
// ecryptfsctl decrypt as root, of trees and into folders that other users can change meanwhile.

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "lib/base/handle.h"
#include "lib/base/hex.h"
#include "tests/support/command.h"
#include "tests/support/exit_code.h"
#include "tests/support/files.h"
#include "tests/support/lower_files.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/vectors.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using ::testing::HasSubstr;

constexpr uid_t kAlice = 2001;
constexpr uid_t kBob = 2002;
constexpr gid_t kForeignGroup = 4242;  // that bob is not in

void give(const std::string& path, uid_t owner, mode_t mode) {
    ASSERT_EQ(::lchown(path.c_str(), owner, owner), 0) << path;
    if (!fs::is_symlink(path)) {
        ASSERT_EQ(::chmod(path.c_str(), mode), 0) << path;
    }
}

class DecryptAsRoot : public ::testing::Test {
  protected:
    void SetUp() override {
        ASSERT_EQ(::geteuid(), 0U);
        ::chmod(folder_.path().c_str(), 0755);
        make_folder(lower_, kAlice);
    }

    void make_folder(const std::string& name, uid_t owner, mode_t mode = 0755) const {
        fs::create_directory(name);
        give(name, owner, mode);
    }
    void write_lower(const std::string& name, uid_t owner, mode_t mode = 0644,
                     const std::string& plain = "x") const {
        std::ofstream(name, std::ios::binary) << lower_file_of({plain.begin(), plain.end()});
        give(name, owner, mode);
    }
    Outcome decrypt(const std::string& lower, const std::string& output,
                    const Environment& environment = {}) const {
        return run({ECRYPTFSCTL,
                    {"decrypt", lower, "--output", output, "--passphrase-file",
                     folder_.file("passphrase", kCorrectHorsePassphrase), "--passphrase-file",
                     folder_.file("names", kBatteryStaple)},
                    environment});
    }
    // As another user, who is in no group but their own. `limit` is one of the shell's.
    Outcome decrypt_as(uid_t user, const std::string& limit = ":",
                       const Environment& environment = {}) const {
        const auto passphrase = folder_.file("passphrase-of-user", kCorrectHorsePassphrase);
        give(passphrase, user, 0600);
        const auto id = std::to_string(user);
        return run({"/usr/bin/setpriv",
                    {"--reuid", id, "--regid", id, "--clear-groups", "/bin/sh", "-c",
                     limit + "; exec \"$@\"", "sh", ECRYPTFSCTL, "decrypt", lower_, "--output",
                     out_, "--passphrase-file", passphrase},
                    environment});
    }
    // Puts the folder of-root into the place of the one that is being made in the output.
    void exchange_new_folder() const {
        for (const auto& entry : fs::directory_iterator(out_)) {
            const auto name = entry.path().filename().string();
            if (name.starts_with(".ecryptfsctl-unfinished.")) {
                fs::rename(entry.path(), path("away"));
                fs::rename(out("of-root"), entry.path());
                break;
            }
        }
    }
    // Runs it, and does something to what it looks at before it opens a name. Those of the lower
    // tree are opened twice: first it finds out whether its keys open anything.
    Outcome decrypt_while(const std::string& name, int time,
                          const std::function<void()>& change) const {
        const auto fifo = path("barrier");
        EXPECT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
        std::thread changer([&] {
            const base::UniqueFd writer(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
            change();
        });
        const auto outcome = decrypt(lower_, out_,
                                     {{"LD_PRELOAD", ECRYPTFS_POOR_FILE_SYSTEM},
                                      {"ASAN_OPTIONS", "verify_asan_link_order=0"},
                                      {"BARRIER", fifo},
                                      {"BARRIER_TIME", std::to_string(time)},
                                      {"BARRIER_NAME", name}});
        // It has never come there: the other one is not to wait for ever.
        base::UniqueFd reader(::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
        changer.join();
        return outcome;
    }
    std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
    std::string lower(const std::string& name) const { return lower_ + "/" + name; }
    std::string out(const std::string& name) const { return out_ + "/" + name; }

    TemporaryFolder folder_;
    std::string lower_ = path("lower");
    std::string out_ = path("out");
};

TEST_F(DecryptAsRoot, KeepsOwnersButNoSetIdBits) {
    make_folder(lower("sub"), kAlice, 02770);
    write_lower(lower("sub/program"), kBob, 06755);
    fs::create_symlink("program", lower("sub/link"));
    give(lower("sub/link"), kBob, 0);
    EXPECT_EQ(decrypt(lower_, out_).exit_code, 0);
    EXPECT_EQ(status_of(out_).st_uid, 0U);
    EXPECT_EQ(status_of(out("sub")).st_uid, kAlice);
    EXPECT_EQ(status_of(out("sub")).st_mode & 07777U, 0770U);
    EXPECT_EQ(status_of(out("sub/program")).st_uid, kBob);
    EXPECT_EQ(status_of(out("sub/program")).st_mode & 07777U, 0755U);
    EXPECT_EQ(status_of(out("sub/link")).st_uid, kBob);
}

TEST_F(DecryptAsRoot, ExistingFolderOfRootIsLeftAlone) {
    make_folder(lower("etc"), kAlice, 0777);
    write_lower(lower("etc/passwd"), kAlice);
    write_lower(lower("other"), kAlice);
    fs::create_directory(out_);
    for (const bool with_mark : {false, true}) {
        make_folder(out("etc"), 0, 0755);
        if (with_mark) {
            std::ofstream(out("etc/.ecryptfsctl-unfinished")) << "";
        }
        const auto outcome = decrypt(lower_, out_);
        EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kAlreadyExists)) << outcome.err;
        EXPECT_EQ(status_of(out("etc")).st_uid, 0U);
        EXPECT_EQ(status_of(out("etc")).st_mode & 07777U, 0755U);
        EXPECT_FALSE(fs::exists(out("etc/passwd")));
        EXPECT_EQ(content_of(out("other")), "x");
    }
}

TEST_F(DecryptAsRoot, LinksToTheOutputAreNotFollowed) {
    make_folder(lower("etc"), kAlice, 0777);
    make_folder(path("real"), 0);
    make_folder(path("real/etc"), 0);
    fs::create_directory_symlink(path("real"), out_);
    for (const auto& output : {out_, out_ + "/", out_ + "/below"}) {
        const auto outcome = decrypt(lower_, output);
        EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kInvalidArgument)) << outcome.err;
        EXPECT_THAT(outcome.err, HasSubstr("a link is on the way"));
    }
    EXPECT_THAT(decrypt(lower_, out_).err, HasSubstr("--output " + path("real") + "\n"));
    EXPECT_EQ(status_of(path("real/etc")).st_mode & 07777U, 0755U);
    EXPECT_FALSE(fs::exists(path("real/below")));
}

TEST_F(DecryptAsRoot, TwoUsersTreesDoNotShareAFolder) {
    make_folder(lower("Documents"), kAlice);
    write_lower(lower("Documents/letter"), kAlice, 0644);
    EXPECT_EQ(decrypt(lower_, out_).exit_code, 0);
    make_folder(path("of-bob"), kBob);
    make_folder(path("of-bob/Documents"), kBob, 0777);
    write_lower(path("of-bob/Documents/bill"), kBob);
    const auto outcome = decrypt(path("of-bob"), out_);
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kAlreadyExists)) << outcome.err;
    EXPECT_EQ(status_of(out("Documents")).st_uid, kAlice);
    EXPECT_EQ(status_of(out("Documents")).st_mode & 07777U, 0755U);
    EXPECT_FALSE(fs::exists(out("Documents/bill")));
    EXPECT_EQ(decrypt(lower_, out_).exit_code, 0) << "hers is complete still";
}

TEST_F(DecryptAsRoot, OnlyItsOwnerFinishesAFolder) {
    make_folder(lower("sub"), kAlice, 0755);
    write_lower(lower("sub/a"), kAlice, 0644);
    write_lower(lower("sub/b"), kAlice, 0644, std::string(200'000, 'p'));
    const auto killed = run({"/bin/sh",
                             {"-c", "ulimit -c 0; ulimit -f 100; exec \"$@\"", "sh", ECRYPTFSCTL,
                              "decrypt", lower_, "--output", out_, "--passphrase-file",
                              folder_.file("passphrase", kCorrectHorsePassphrase)}});
    ASSERT_EQ(killed.exit_code, 128 + SIGXFSZ) << killed.err;
    EXPECT_EQ(status_of(out("sub")).st_mode & 07777U, 0700U);
    EXPECT_EQ(status_of(out("sub")).st_uid, 0U);

    make_folder(path("of-bob"), kBob);
    make_folder(path("of-bob/sub"), kBob);
    EXPECT_EQ(decrypt(path("of-bob"), out_).exit_code, exit_code(ErrorCode::kAlreadyExists));
    EXPECT_EQ(status_of(out("sub")).st_uid, 0U);

    EXPECT_EQ(decrypt(lower_, out_).exit_code, 0);
    EXPECT_EQ(status_of(out("sub")).st_uid, kAlice);
    EXPECT_EQ(status_of(out("sub")).st_mode & 07777U, 0755U);
    EXPECT_EQ(fs::file_size(out("sub/b")), 200'000U);
}

TEST_F(DecryptAsRoot, KilledRunOfUserIsFinished) {
    make_folder(lower("sub"), kAlice, 0755);
    write_lower(lower("sub/a"), kAlice, 0644);
    write_lower(lower("sub/b"), kAlice, 0644, std::string(200'000, 'p'));
    make_folder(out_, kAlice);
    for (const std::string lacks : {"nothing", "unnamed"}) {
        const auto killed = decrypt_as(kAlice, "ulimit -c 0; ulimit -f 100",
                                       {{"LD_PRELOAD", ECRYPTFS_POOR_FILE_SYSTEM},
                                        {"ASAN_OPTIONS", "verify_asan_link_order=0"},
                                        {"POOR_FILE_SYSTEM", lacks}});
        ASSERT_EQ(killed.exit_code, 128 + SIGXFSZ) << killed.err;
        ASSERT_EQ(status_of(out("sub")).st_uid, kAlice);
        ASSERT_EQ(status_of(out("sub")).st_mode & 07777U, 0700U);

        const auto outcome = decrypt(lower_, out_);
        EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
        EXPECT_EQ(fs::file_size(out("sub/b")), 200'000U);
        EXPECT_EQ(status_of(out("sub")).st_uid, kAlice);
        EXPECT_EQ(status_of(out("sub")).st_mode & 07777U, 0755U);
        for (const auto& folder : {out_, out("sub")}) {
            for (const auto& entry : fs::directory_iterator(folder)) {
                EXPECT_FALSE(entry.path().filename().string().starts_with(".")) << entry.path();
            }
        }
        fs::remove_all(out("sub"));
    }
}

TEST_F(DecryptAsRoot, UsersMarkInRootsFolderIsIgnored) {
    make_folder(lower("etc"), kAlice, 0755);
    write_lower(lower("etc/passwd"), kAlice);
    fs::create_directory(out_);
    make_folder(out("etc"), 0, 0700);
    const auto mark = out("etc/.ecryptfsctl-unfinished");
    std::ofstream(mark) << fmt::format("Not finished by ecryptfsctl decrypt: a folder of uid {}\n",
                                       kAlice);
    give(mark, kAlice, 0600);
    EXPECT_EQ(decrypt(lower_, out_).exit_code, exit_code(ErrorCode::kAlreadyExists));
    EXPECT_EQ(status_of(out("etc")).st_uid, 0U);
    EXPECT_FALSE(fs::exists(out("etc/passwd")));
}

TEST_F(DecryptAsRoot, UserMayUseFoldersOfOutputsOwner) {
    give(lower_, kBob, 0755);
    make_folder(lower("sub"), kBob, 0755);
    write_lower(lower("sub/file"), kBob);
    make_folder(out_, kAlice, 0777);
    make_folder(out("sub"), kAlice);
    ASSERT_EQ(::chown(out("sub").c_str(), kAlice, kBob), 0);
    ASSERT_EQ(::chmod(out("sub").c_str(), 0775), 0);
    const auto outcome = decrypt_as(kBob);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(content_of(out("sub/file")), "x");
    EXPECT_EQ(status_of(out("sub")).st_uid, kAlice);
    EXPECT_EQ(status_of(out("sub")).st_mode & 07777U, 0775U);
}

TEST_F(DecryptAsRoot, UserMayNotUseFoldersOfOthers) {
    give(lower_, kBob, 0755);
    make_folder(lower("sub"), kBob, 0755);
    write_lower(lower("sub/file"), kBob);
    make_folder(out_, kAlice, 0777);
    make_folder(out("sub"), 0, 0777);
    for (const uid_t owner : {uid_t{0}, kAlice}) {
        give(out("sub"), owner, 0777);
        const auto outcome = decrypt_as(kBob);
        EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kAlreadyExists)) << outcome.err;
        EXPECT_THAT(outcome.err, HasSubstr(owner == 0 ? "a folder of uid 0, which is neither you "
                                                        "nor the owner of the output folder"
                                                      : "a folder that everybody can write into"));
        EXPECT_TRUE(fs::is_empty(out("sub")));
    }
}

// Whoever is in the new group, or was in the old one, may do what both that group and others could.
TEST_F(DecryptAsRoot, LostGroupGivesNobodyMoreRights) {
    const std::vector<std::pair<mode_t, mode_t>> modes = {
        {0660, 0600}, {0664, 0644}, {0604, 0600}, {0750, 0700}, {0775, 0755}};
    give(lower_, kBob, 0755);
    for (const auto& [mode, kept] : modes) {
        const auto name = lower(fmt::format("{:o}", mode));
        write_lower(name, kBob);
        ASSERT_EQ(::chown(name.c_str(), kBob, kForeignGroup), 0);
        ASSERT_EQ(::chmod(name.c_str(), mode), 0);
    }
    make_folder(lower("sub"), kBob);
    ASSERT_EQ(::chown(lower("sub").c_str(), kBob, kForeignGroup), 0);
    ASSERT_EQ(::chmod(lower("sub").c_str(), 0770), 0);
    make_folder(out_, kBob);
    const auto outcome = decrypt_as(kBob);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    for (const auto& [mode, kept] : modes) {
        const auto status = status_of(out(fmt::format("{:o}", mode)));
        EXPECT_EQ(status.st_gid, kBob);
        EXPECT_EQ(fmt::format("{:o}", status.st_mode & 0777U), fmt::format("{:o}", kept));
    }
    EXPECT_EQ(status_of(out("sub")).st_mode & 0777U, 0700U);
    EXPECT_THAT(outcome.err,
                HasSubstr("files whose owners, groups, modes or times cannot be kept there: 6"));
}

TEST_F(DecryptAsRoot, LostGroupDropsAccessList) {
    give(lower_, kBob, 0755);
    write_lower(lower("file"), kBob);
    ASSERT_EQ(::chown(lower("file").c_str(), kBob, kForeignGroup), 0);
    // u::rw-, u:2001:rw-, g::rw-, m::rw-, o::r--
    const auto list = base::from_hex(
        "02000000"
        "01000600ffffffff"
        "02000600d1070000"
        "04000600ffffffff"
        "10000600ffffffff"
        "20000400ffffffff");
    ASSERT_EQ(
        ::setxattr(lower("file").c_str(), "system.posix_acl_access", list->data(), list->size(), 0),
        0);
    make_folder(out_, kBob);
    const auto outcome = decrypt_as(kBob);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(::getxattr(out("file").c_str(), "system.posix_acl_access", nullptr, 0), -1);
    EXPECT_EQ(status_of(out("file")).st_mode & 0777U, 0644U);
    EXPECT_THAT(outcome.err, HasSubstr("access control list cannot be kept there"));
}

TEST_F(DecryptAsRoot, OutputOfOtherUserIsRefused) {
    write_lower(lower("file"), kAlice);
    make_folder(out_, kBob);
    for (const auto& what : {lower_, lower("file")}) {
        const auto outcome = decrypt(what, out_);
        EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kAlreadyExists)) << outcome.err;
        EXPECT_THAT(outcome.err, HasSubstr("the output folder belongs to uid 2002"));
    }
    EXPECT_TRUE(fs::is_empty(out_));
    give(out_, kAlice, 0755);
    EXPECT_EQ(decrypt(lower_, out_).exit_code, 0);
}

TEST_F(DecryptAsRoot, UnfinishedFileOfOtherUserIsLeftAlone) {
    write_lower(lower("file"), kAlice, 0600);
    make_folder(out_, 0, 01777);
    const auto trap = out(".ecryptfsctl-unfinished");
    std::ofstream(trap) << "mine";
    give(trap, kBob, 0666);
    for (const std::string lacks : {"nothing", "unnamed"}) {
        const auto outcome = decrypt(
            lower_, out_, {{"LD_PRELOAD", ECRYPTFS_POOR_FILE_SYSTEM}, {"POOR_FILE_SYSTEM", lacks}});
        EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
        EXPECT_EQ(content_of(trap), "mine");
        EXPECT_EQ(content_of(out("file")), "x");
        fs::remove(out("file"));
    }
}

TEST_F(DecryptAsRoot, AttributesAreOfTheReadFile) {
    write_lower(lower("file"), kAlice, 0666);
    write_lower(path("other"), kBob, 0600);
    const auto outcome =
        decrypt_while("file", 2, [&] { fs::rename(path("other"), lower("file")); });
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(status_of(out("file")).st_uid, kBob);
    EXPECT_EQ(status_of(out("file")).st_mode & 07777U, 0600U);
}

TEST_F(DecryptAsRoot, AttributesAreOfTheReadFolder) {
    make_folder(lower("sub"), kAlice, 0777);
    make_folder(path("other"), kBob, 0700);
    write_lower(path("other/secret"), kBob, 0666);
    const auto outcome = decrypt_while("sub", 2, [&] {
        fs::rename(lower("sub"), path("away"));
        fs::rename(path("other"), lower("sub"));
    });
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(status_of(out("sub")).st_uid, kBob);
    EXPECT_EQ(status_of(out("sub")).st_mode & 07777U, 0700U);
    EXPECT_TRUE(fs::exists(out("sub/secret")));
}

TEST_F(DecryptAsRoot, FileExchangedForLinkIsNotFollowed) {
    write_lower(lower("file"), kAlice, 0666);
    write_lower(path("secret"), kBob, 0600);
    const auto outcome = decrypt_while("file", 2, [&] {
        fs::remove(lower("file"));
        fs::create_symlink(path("secret"), lower("file"));
    });
    EXPECT_NE(outcome.exit_code, 0);
    EXPECT_THAT(outcome.err, HasSubstr("Too many levels of symbolic links"));
    EXPECT_FALSE(fs::exists(out("file")));
}

// Her own folder is the output: what root makes in it may be moved away before root opens it.
TEST_F(DecryptAsRoot, ExchangedNewFolderIsNoticed) {
    make_folder(lower("sub"), kAlice, 0777);
    write_lower(lower("sub/file"), kAlice);
    make_folder(out_, kAlice);
    make_folder(out("of-root"), 0, 0700);
    std::ofstream(out("of-root/secret")) << "s";
    const auto outcome =
        decrypt_while(".ecryptfsctl-unfinished.", 1, [&] { exchange_new_folder(); });
    EXPECT_NE(outcome.exit_code, 0);
    EXPECT_THAT(outcome.err, HasSubstr("somebody else changes the folder that it is in"));
    for (const auto& entry : fs::directory_iterator(out_)) {
        EXPECT_EQ(status_of(entry.path()).st_uid, 0U) << entry.path();
        EXPECT_EQ(status_of(entry.path()).st_mode & 07777U, 0700U) << entry.path();
    }
}

// An empty one of root's that others can go into: somebody may be in it already.
TEST_F(DecryptAsRoot, ExchangedOpenFolderIsNoticed) {
    make_folder(lower("sub"), kAlice, 0777);
    write_lower(lower("sub/file"), kAlice);
    make_folder(out_, kAlice);
    make_folder(out("of-root"), 0, 0755);
    const auto outcome =
        decrypt_while(".ecryptfsctl-unfinished.", 1, [&] { exchange_new_folder(); });
    EXPECT_NE(outcome.exit_code, 0);
    EXPECT_THAT(outcome.err, HasSubstr("somebody else changes the folder that it is in"));
    EXPECT_FALSE(fs::exists(out("sub")));
}

TEST_F(DecryptAsRoot, ExchangedNewLinkIsNotGivenAway) {
    const auto lower_link = lower(lower_name_of("link"));
    fs::create_symlink("target", lower_link);
    give(lower_link, kAlice, 0);
    make_folder(out_, kAlice);
    std::ofstream(out("of-root")) << "s";
    decrypt_while("link", 1, [&] {
        fs::remove(out("link"));
        fs::rename(out("of-root"), out("link"));
    });
    EXPECT_TRUE(fs::is_regular_file(out("link"))) << "the barrier was reached";
    EXPECT_EQ(status_of(out("link")).st_uid, 0U);
}

}  // namespace
}  // namespace ecryptfs::test
