// SPDX-License-Identifier: Apache-2.0
//
// ecryptfsctl mount and umount in user space: real mounts by FUSE.

#include "tests/fuse/mount_verb.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "lib/base/handle.h"
#include "tests/support/wait.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// What a command printed, which must have succeeded.
json parsed(const Outcome& outcome) {
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return json::parse(outcome.out, nullptr, false);
}

TEST_F(MountVerb, MountsForItsUserAndRemembersTheFolder) {
    const auto [key, names] = add_passphrase("one");
    expect_done(ctl({"mount", path("lower"), path("upper"), "--key", key, "--fnek", names}));
    EXPECT_THAT(mount_line(path("upper")),
                AllOf(HasSubstr("nosuid,nodev"), HasSubstr(fmt::format("user_id={}", user_)),
                      HasSubstr("fuse.ecryptfs-fuse " + path("lower"))));
    write("letter", "Dear Bob");
    EXPECT_THAT(fs::directory_iterator(path("lower"))->path().filename(),
                HasSubstr("ECRYPTFS_FNEK_ENCRYPTED."));

    const auto gone = parsed(ctl({"umount", path("upper"), "--json"}));
    EXPECT_EQ(gone["unlinked"], json::array({key, names}));
    EXPECT_FALSE(is_mounted());
    expect_refusal(ctl({"mount", path("lower")}), ErrorCode::kUnknownKey, "no key " + key,
                   "ecryptfsctl add-key FILE-OR-URI");

    add_passphrase("one");
    const auto again = parsed(ctl({"mount", path("lower"), "--json"}));
    EXPECT_EQ(again["keys_from"], "memory");
    EXPECT_EQ(again["kernel"], false);
    EXPECT_EQ(read("letter"), "Dear Bob");
    expect_done(ctl({"umount", path("lower"), "--keep-keys"}));
    expect_done(ctl({"mount", path("upper")}));
    EXPECT_EQ(read("letter"), "Dear Bob") << "by the name of the upper folder alone";
    expect_done(ctl({"umount", path("upper") + "/"}));
}

TEST_F(MountVerb, RootMountsForItself) {
    if (!is_run_by_root()) {
        GTEST_SKIP() << "for root";
    }
    const auto [key, names] = add_passphrase("of root");
    expect_done(ctl_as_root({"mount", path("lower"), path("upper"), "--key", key}));
    EXPECT_THAT(mount_line(path("upper")), HasSubstr("user_id=0"));
    expect_refusal(
        ctl({"umount", path("upper")}), ErrorCode::kAccessDenied, "was mounted by root",
        "do it for its owner: sudo ecryptfsctl umount " + path("upper") + " --user root");
    expect_done(ctl_as_root({"umount", path("upper")}));
    EXPECT_FALSE(is_mounted());
}

// The caller's rights, keys and mount; sudo's own keyrings and rights are out of it.
TEST_F(MountVerb, SudoMountsForItsCaller) {
    if (!is_run_by_root()) {
        GTEST_SKIP() << "needs root, which sudo is";
    }
    const Environment sudo = {{"SUDO_UID", fmt::format("{}", user_)}};
    const auto [roots, unused] = add_passphrase("in the keyring of root's session");
    expect_refusal(ctl_as_root({"mount", path("lower"), path("upper"), "--key", roots}, sudo),
                   ErrorCode::kUnknownKey, "no key " + roots, "ecryptfsctl add-key");
    const auto added =
        ctl({"add-passphrase", "--passphrase-file", "-"}, fmt::format("of pid {}\n", ::getpid()));
    const auto key = added.out.substr(0, 16);
    const auto mounted = ctl_as_root({"mount", path("lower"), path("upper"), "--key", key}, sudo);
    EXPECT_EQ(mounted.exit_code, 0) << mounted.err;
    EXPECT_THAT(mount_line(path("upper")), HasSubstr(fmt::format("user_id={}", user_)));
    write("letter", "Dear Bob");
    struct stat file{};
    ASSERT_EQ(::stat(path("lower/letter").c_str(), &file), 0);
    EXPECT_EQ(file.st_uid, user_);
    const auto gone = parsed(ctl_as_root({"umount", path("upper"), "--json"}, sudo));
    EXPECT_EQ(gone["unlinked"], json::array({key}));
    EXPECT_FALSE(is_mounted());
}

TEST_F(MountVerb, RootMountsAndUnmountsForTheUserThatItNames) {
    if (!is_run_by_root()) {
        GTEST_SKIP() << "for root";
    }
    const auto added = ctl({"add-passphrase", "--passphrase-file", "-"},
                           fmt::format("for somebody, pid {}\n", ::getpid()));
    const auto key = added.out.substr(0, 16);
    const auto mounted =
        ctl_as_root({"mount", path("lower"), path("upper"), "--key", key, "--user", "nobody"});
    EXPECT_EQ(mounted.exit_code, 0) << mounted.err;
    EXPECT_THAT(mount_line(path("upper")), HasSubstr(fmt::format("user_id={}", user_)));
    expect_done(ctl_as_root({"umount", path("upper"), "--user", "nobody"}));
    EXPECT_FALSE(is_mounted());
    const auto again =
        ctl_as_root({"mount", path("lower"), path("upper"), "--key", key, "--user", "nobody"});
    expect_refusal(again, ErrorCode::kUnknownKey, "no key " + key, "ecryptfsctl add-key");
}

TEST_F(MountVerb, RefusesKeysThatOpenNothing) {
    const auto [key, names] = add_passphrase("one");
    const auto [other, unused] = add_passphrase("another");
    const Arguments mount = {"mount", path("lower"), path("upper"), "--fresh", "--key"};
    const auto with = [&](const Arguments& more) {
        auto all = mount;
        all.insert(all.end(), more.begin(), more.end());
        return ctl(all);
    };
    expect_done(with({key}));
    write("letter", "Dear Bob");
    expect_done(ctl({"umount", path("upper"), "--keep-keys"}));
    expect_refusal(with({other}), ErrorCode::kUnknownKey, "none of these keys opens",
                   "--key " + key);
    expect_refusal(with({key, "--fnek", names}), ErrorCode::kInvalidArgument,
                   "the name of " + path("lower/letter"), "leave --fnek out");
    EXPECT_FALSE(is_mounted());
    expect_done(with({other, "--key", key}));
    EXPECT_EQ(read("letter"), "Dear Bob");
    write("new", "for both");
    expect_done(ctl({"umount", path("upper"), "--keep-keys"}));
    const auto forced = with({other, "--force"});
    EXPECT_EQ(forced.exit_code, 0) << forced.err;
    EXPECT_THAT(forced.err, HasSubstr("warning: of 2 files"));
    EXPECT_EQ(read("new"), "for both");
    EXPECT_NE(run_as_user({"/bin/cat", path("upper/letter")}).exit_code, 0);
}

TEST_F(MountVerb, ReadOnlyIsReadOnlyAndNotRemembered) {
    const auto [key, names] = add_passphrase("one");
    expect_done(ctl({"mount", path("lower"), path("upper"), "--key", key, "--read-only"}));
    EXPECT_THAT(run_as_user({"/usr/bin/touch", path("upper/new")}).err, HasSubstr("Read-only"));
    expect_done(ctl({"umount", path("upper"), "--keep-keys"}));
    expect_done(ctl({"mount", path("lower")}));
    write("new", "text");
}

TEST_F(MountVerb, SaysWhoUsesAMountThatIsBusy) {
    const auto [key, names] = add_passphrase("one");
    expect_done(ctl({"mount", path("lower"), path("upper"), "--key", key}));
    Process user(users({"/usr/bin/env", "-C", path("upper"), "/bin/sleep", "1000"}), {});
    wait_until("it is in use", [&] {
        std::error_code gone;
        return fs::read_symlink(fmt::format("/proc/{}/cwd", user.pid()), gone) == path("upper");
    });
    const auto busy = ctl({"umount", path("upper")});
    expect_refusal(busy, ErrorCode::kBusy, fmt::format("in use by sleep ({})", user.pid()),
                   "end that, or leave the folder; or --lazy");
    EXPECT_TRUE(is_mounted());
    expect_done(ctl({"umount", path("upper"), "--lazy"}));
    EXPECT_FALSE(is_mounted());
}

TEST_F(MountVerb, IsInTheListOfMounts) {
    const auto [key, names] = add_passphrase("one");
    expect_done(ctl({"mount", path("lower"), path("upper"), "--key", key, "--fnek", names}));
    const auto status = ctl({"status"});  // there is no agent: the mounts are shown all the same
    EXPECT_THAT(status.out, HasSubstr(fmt::format("{}  {}  user space  {}, names {}", path("upper"),
                                                  path("lower"), key, names)));
}

// Its folder may have any name.
TEST_F(MountVerb, TakesFoldersOfAnyName) {
    const auto [key, names] = add_passphrase("one");
    for (const auto* name : {"a,b", "with blank", "back\\slash", "-o"}) {
        fs::create_directory(path(name));
        ASSERT_EQ(::chown(path(name).c_str(), user_, static_cast<gid_t>(-1)), 0);
        expect_done(ctl({"mount", path(name), path("upper"), "--key", key}));
        write("letter", name);
        const auto gone = parsed(ctl({"umount", path(name), "--keep-keys", "--json"}));
        EXPECT_EQ(gone["lower"], path(name));
    }
}

// By mount(8), which runs mount.fuse3, which runs ecryptfs-fuse from where it is installed.
TEST_F(MountVerb, GivesALineForFstab) {
    if (!is_run_by_root()) {
        GTEST_SKIP() << "needs root, whose fstab it is";
    }
    const auto [key, names] = add_passphrase("one");
    ASSERT_EQ(in_shell("ecryptfsctl mount lower upper --print-fstab --key " + key + " --fnek " +
                       names + " >fstab")
                  .exit_code,
              0);
    const auto installed = fmt::format(
        "mount -t tmpfs none /usr/local/bin; ln -s {} /usr/local/bin; mount --bind {} /etc/fstab",
        ECRYPTFS_FUSE, path("fstab"));
    const auto mount = "mount " + path("upper") + " && echo text >" + path("upper/file") + " && " +
                       "cat " + path("upper/file") +
                       " /proc/self/mountinfo && " ECRYPTFSCTL " status; umount " + path("upper");
    const auto expect_mounted = [&](const Outcome& outcome, uid_t user) {
        EXPECT_THAT(
            outcome.out,
            AllOf(HasSubstr("text\n"), HasSubstr(fmt::format("user_id={}", user)),
                  HasSubstr("nosuid,nodev"), HasSubstr("fuse.ecryptfs-fuse " + path("lower")),
                  HasSubstr(fmt::format("user space  {}, names {}", key, names))))
            << outcome.err;
        EXPECT_THAT(outcome.err, Not(HasSubstr("umount: ")));
    };
    expect_mounted(in_shell(mount, installed), user_);
    expect_mounted(
        run({"/usr/bin/unshare", {"--mount", "/bin/sh", "-ec", installed + "; " + mount}}), 0);
}

TEST_F(MountVerb, PassesOnWhatFuseRefuses) {
    const auto [key, names] = add_passphrase("one");
    const auto refused =
        ctl({"mount", path("lower"), path("upper"), "--key", key, "-o", "nonsense"});
    expect_refusal(refused, ErrorCode::kInvalidArgument,
                   "an option that neither eCryptfs nor FUSE knows", "see what FUSE says above");
    EXPECT_THAT(refused.err, HasSubstr("nonsense"));
    EXPECT_FALSE(fs::exists(path(".config"))) << "nothing is remembered of it";
}

// Stands for a service manager.
class ReadyNotes {
  public:
    explicit ReadyNotes(const std::string& path)
        : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::chmod(path.c_str(), 0666), 0);
    }
    std::string next() const {
        std::string text(256, '\0');
        const auto size = ::recv(socket_.get(), text.data(), text.size(), 0);
        return text.substr(0, static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    }

  private:
    base::UniqueFd socket_;
};

TEST_F(MountVerb, StaysInTheForegroundUntilItIsToldToEnd) {
    const auto [key, names] = add_passphrase("one");
    const ReadyNotes notes(path("notify"));
    auto command =
        users({ECRYPTFSCTL, "mount", path("lower"), path("upper"), "--key", key, "--foreground"});
    command.environment["NOTIFY_SOCKET"] = path("notify");
    Process mounting(command, {{2, 2}});
    EXPECT_EQ(notes.next(), "READY=1");
    EXPECT_TRUE(is_mounted());
    write("letter", "Dear Bob");
    mounting.send_signal(SIGTERM);
    EXPECT_EQ(mounting.wait(), 0);
    EXPECT_FALSE(is_mounted());

    const Process again(users({ECRYPTFSCTL, "mount", path("upper"), "-f"}), {{2, 2}});
    wait_until("it is mounted", [&] { return is_mounted(); });
    EXPECT_EQ(read("letter"), "Dear Bob");
    expect_done(ctl({"umount", path("upper")}));
}

}  // namespace
}  // namespace ecryptfs::test
