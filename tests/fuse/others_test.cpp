// SPDX-License-Identifier: Apache-2.0
//
// A mount that root made for everybody: what other users make on it is theirs.

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/fsuid.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "fuse/acting_as.h"
#include "fuse/filesystem.h"
#include "lib/base/handle.h"
#include "lib/lower/passphrase.h"
#include "tests/fuse/mounted_folder.h"
#include "tests/support/vectors.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;

struct stat status_of(const fs::path& path) {
    struct stat status{};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
    return status;
}

// "1000:100"
std::string owner_of(const fs::path& path) {
    const auto status = status_of(path);
    return fmt::format("{}:{}", status.st_uid, status.st_gid);
}

mode_t mode_of(const fs::path& path) {
    return status_of(path).st_mode & 07777;
}

class Others : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) {
            GTEST_SKIP() << "only root's mount can give files away";
        }
        fs::create_directory(lower());
        fs::permissions(lower(), fs::perms(0700));
        mounted_.emplace(lower(), mount_options(tokens_, false) + ",allow_other");
        fs::create_directory(upper() / "open");
        fs::permissions(upper(), fs::perms(0755));
        fs::permissions(upper() / "open", fs::perms(0777));
        // Nobody but root reaches a lower file.
        fs::permissions(folder_.path(), fs::perms(0700));
    }
    fs::path lower() const { return folder_.path() / "lower"; }
    const fs::path& upper() const { return mounted_->path(); }

    // What a shell says to this script, in the folder "open", as a user of that number, whose group
    // has the same.
    Outcome run_as(unsigned user, const std::string& script, const std::string& groups = "") const {
        const auto id = std::to_string(user);
        return run({"/usr/bin/setpriv",
                    {"--reuid=" + id, "--regid=" + id,
                     groups.empty() ? "--clear-groups" : "--groups=" + groups, "/bin/sh", "-c",
                     "cd \"$0\" && " + script, upper() / "open"}});
    }

    TemporaryFolder folder_;
    PassphraseTokens tokens_ = add_passphrase_tokens(kCorrectHorsePassphrase);
    std::optional<MountedFolder> mounted_;
};

TEST_F(Others, OwnWhatTheyMake) {
    const auto made = run_as(4001,
                             "umask 027; echo text >file; mkdir folder; ln -s file link; "
                             "mkfifo pipe; ln file hard; cat file");
    EXPECT_EQ(made.out, "text\n") << made.err;
    mounted_->mount_anew();
    for (const auto& name : {"file", "folder", "link", "pipe", "hard"}) {
        EXPECT_EQ(owner_of(upper() / "open" / name), "4001:4001") << name;
        EXPECT_EQ(owner_of(lower() / "open" / name), "4001:4001") << name;
    }
    EXPECT_EQ(mode_of(upper() / "open/file"), 0640U);
    EXPECT_EQ(mode_of(upper() / "open/folder"), 0750U);
    std::ofstream(upper() / "open/of-root").close();
    EXPECT_EQ(owner_of(upper() / "open/of-root"), "0:0");
}

TEST_F(Others, MakeFilesByTheRightsOfASupplementaryGroup) {
    ASSERT_EQ(::chown((upper() / "open").c_str(), 0, 4500), 0);
    fs::permissions(upper() / "open", fs::perms(02770));
    EXPECT_NE(run_as(4001, "echo text >file").exit_code, 0);
    const auto made = run_as(4001, "umask 002; echo text >file; mkdir folder", "4500");
    EXPECT_EQ(made.exit_code, 0) << made.err;
    EXPECT_EQ(owner_of(upper() / "open/file"), "4001:4500");
    EXPECT_EQ(owner_of(upper() / "open/folder"), "4001:4500");
    EXPECT_EQ(mode_of(upper() / "open/folder"), 02775U);
}

TEST_F(Others, GetNoSetIdFileOfRoots) {
    const auto made = run_as(4001,
                             "umask 0; install -m 6755 /dev/null made; "
                             "perl -MFcntl -e 'sysopen(F, \"set\", O_CREAT|O_WRONLY, 06755)'");
    EXPECT_EQ(made.exit_code, 0) << made.err;
    EXPECT_EQ(owner_of(upper() / "open/made"), "4001:4001");
    EXPECT_EQ(owner_of(upper() / "open/set"), "4001:4001");
    fs::permissions(upper() / "open", fs::perms(02777));  // root's group
    EXPECT_EQ(
        run_as(4001, "perl -MFcntl -e 'sysopen(F, \"other\", O_CREAT|O_WRONLY, 06755)'").exit_code,
        0);
    EXPECT_EQ(owner_of(upper() / "open/other"), "4001:0");
    EXPECT_EQ(mode_of(upper() / "open/other") & S_ISGID, 0U);
}

TEST_F(Others, ChangeAndRemoveOnlyWhatIsTheirs) {
    fs::permissions(upper() / "open", fs::perms(01777));
    ASSERT_EQ(run_as(4001, "echo text >file; mkdir folder").exit_code, 0);
    const auto own =
        run_as(4001, "chmod 600 file && touch -d 2001-02-03 file && chgrp 4500 file", "4500");
    EXPECT_EQ(own.exit_code, 0) << own.err;
    EXPECT_EQ(owner_of(lower() / "open/file"), "4001:4500");
    for (const auto& script : {"chmod 666 file", "touch -d 2001-02-03 file", "chown 4002 file",
                               "rm -f file", "mv file other", "rmdir folder", "cat file"}) {
        EXPECT_NE(run_as(4002, script).exit_code, 0) << script;
    }
    EXPECT_NE(run_as(4001, "chown 4002 file").exit_code, 0);
    EXPECT_EQ(run_as(4001, "mv file other && rm other && rmdir folder").exit_code, 0);
}

// One thread after another serves one user after another.
TEST_F(Others, AreNotMixedUp) {
    std::vector<std::thread> users;
    for (unsigned user = 0; user < 5; ++user) {
        users.emplace_back([&, user] {
            const auto number = user == 0 ? 0 : 4000 + user;
            const auto made =
                run_as(number, fmt::format("for i in $(seq 60); do mkdir d{0}-$i; "
                                           "head -c 200000 /dev/zero >f{0}-$i; done; sync f{0}-1",
                                           number));
            EXPECT_EQ(made.exit_code, 0) << made.err;
        });
    }
    for (auto& user : users) {
        user.join();
    }
    int seen = 0;
    for (const auto& entry : fs::directory_iterator(upper() / "open")) {
        const auto name = entry.path().filename().string();
        const auto number = name.substr(1, name.find('-') - 1);
        EXPECT_EQ(owner_of(entry.path()), number + ":" + number) << name;
        ++seen;
    }
    EXPECT_EQ(seen, 5 * 2 * 60);
}

class NoPrivateKeys : public fuse::PrivateKeys {
  public:
    base::Result<base::SecretBytes> decrypt(const wire::KeySignature& /*signature*/,
                                            base::ByteView /*encrypted_fek*/) override {
        return std::unexpected(base::Error{base::ErrorCode::kUnknownKey, "none"});
    }
    base::Result<base::SecretBytes> encrypt(const wire::KeySignature& /*signature*/,
                                            base::ByteView /*file_key*/) override {
        return std::unexpected(base::Error{base::ErrorCode::kUnknownKey, "none"});
    }
};

// In this process, which gives up its supplementary groups for it: root needs none.
class OthersRequests : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0 || !fuse::prepare_acting()) {
            GTEST_SKIP() << "only root's mount can give files away";
        }
        files_.serve_others();
    }

    static mount::FolderOptions options() {
        mount::FolderOptions options;
        options.cipher = "aes";
        options.key_bytes = 16;
        options.keys = {wire::KeySignature::from_text("0123456789abcdef").value()};
        return options;
    }
    static base::Result<lower::PassphraseKey> find_key(const wire::KeySignature& /*signature*/) {
        return lower::derive_passphrase_key(base::as_bytes("correct-horse"), lower::kDefaultSalt);
    }

    static constexpr fuse::Requester kSomebody{4001, 4002};
    static constexpr auto kRoot = fuse::NodeTable::kRoot;

    TemporaryFolder folder_;
    NoPrivateKeys private_keys_;
    std::unique_ptr<fuse::MountKeys> keys_ =
        base::value_or_throw(fuse::MountKeys::load(options(), find_key, private_keys_));
    fuse::Filesystem files_{base::UniqueFd(::open(folder_.path().c_str(), O_PATH | O_CLOEXEC)),
                            *keys_, options()};
};

TEST_F(OthersRequests, LeaveNothingWhenTheyFail) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const rlimit limit{100, before.rlim_max};
    auto* const handler = ::signal(SIGXFSZ, SIG_IGN);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
    EXPECT_EQ(files_.create(kRoot, "file", 0600, O_RDWR, kSomebody).error(), EFBIG);
    ::setrlimit(RLIMIT_FSIZE, &before);
    ::signal(SIGXFSZ, handler);
    EXPECT_TRUE(fs::is_empty(folder_.path()));
}

TEST_F(OthersRequests, LeaveTheThreadWhatItWas) {
    ASSERT_TRUE(files_.create(kRoot, "file", 0000, O_RDWR, kSomebody));
    EXPECT_EQ(files_.make_folder(kRoot, "file", 0700, kSomebody).error(), EEXIST);
    EXPECT_EQ(owner_of(folder_.path() / "file"), "4001:4002");
    EXPECT_EQ(::setfsuid(static_cast<uid_t>(-1)), 0);
    EXPECT_EQ(::setfsgid(static_cast<gid_t>(-1)), 0);
    for (const unsigned capability : {0U /* CHOWN */, 1U /* DAC_OVERRIDE */, 4U /* FSETID */}) {
        EXPECT_TRUE(fuse::has_capability(capability)) << capability;
    }
}

// The kernel has not seen whether they may open it.
TEST_F(OthersRequests, DoNotOpenWhatAppearedMeanwhile) {
    std::ofstream(folder_.path() / "file").close();
    EXPECT_EQ(files_.create(kRoot, "file", 0600, O_RDWR, kSomebody).error(), ESTALE);
    EXPECT_EQ(files_.create(kRoot, "file", 0600, O_RDWR | O_EXCL, kSomebody).error(), EEXIST);
}

}  // namespace
}  // namespace ecryptfs::test
