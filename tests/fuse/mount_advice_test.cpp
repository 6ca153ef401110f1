// SPDX-License-Identifier: Apache-2.0
//
// What stands in the way of a mount in user space: made for real, and the advice followed.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fuse/mount_verb.h"
#include "tests/support/processes.h"
#include "tests/support/wait.h"

namespace ecryptfs::test {
namespace {

using base::ErrorCode;
using ::testing::HasSubstr;
using ::testing::Not;

class MountVerbAdvice : public MountVerb {
  protected:
    void SetUp() override {
        MountVerb::SetUp();
        key_ = add_passphrase("one").first;
    }
    std::string mount(const std::string& more = "") const {
        return "ecryptfsctl mount lower upper --fresh --key " + key_ + " " + more;
    }

    std::string key_;
};

TEST_F(MountVerbAdvice, MissingFuseIsToBeInstalled) {
    if (!is_run_by_root()) {
        GTEST_SKIP() << "needs a mount namespace of root's, to take things away";
    }
    const std::string without_program = "mount --bind /dev/null /usr/bin/fusermount3";
    const std::string without_device = "mount -t tmpfs none /dev";
    const std::string locked_device = without_device + "; mknod -m 600 /dev/fuse c 10 229";
    expect_refusal(in_shell(mount(), without_program), ErrorCode::kNotSupported,
                   "there is no fusermount3", "install it: sudo apt install fuse3");
    expect_refusal(in_shell(mount(), without_device), ErrorCode::kNotSupported,
                   "there is no /dev/fuse",
                   "load the kernel module: sudo modprobe fuse; in a container, pass the device "
                   "on: --device /dev/fuse");
    const auto locked = in_shell(mount(), locked_device);
    const std::string open = "sudo chmod a+rw /dev/fuse";
    expect_refusal(locked, ErrorCode::kAccessDenied, "you may not open /dev/fuse",
                   "let everybody, as is usual: sudo chmod a+rw /dev/fuse");
    EXPECT_FALSE(is_mounted());
    // Followed, in the namespace where it is so.
    const auto opened = in_shell(
        mount() + "&& echo there >upper/file && cat upper/file",
        locked_device + "; mknod -m 666 /dev/null c 1 3; " + open.substr(open.find(' ') + 1));
    EXPECT_EQ(opened.out, "there\n") << opened.err;
}

TEST_F(MountVerbAdvice, MissingProgramIsToBeInstalled) {
    const auto alone =
        in_shell("mkdir bin && cp \"$(command -v ecryptfsctl)\" bin && bin/" + mount());
    expect_refusal(alone, ErrorCode::kNotSupported, "there is no ecryptfs-fuse in " + path("bin"),
                   "install the package ecryptfs-fuse; or mount by the kernel: sudo ecryptfsctl "
                   "mount --kernel LOWER UPPER");
    const auto installed = in_shell("cp \"$(command -v ecryptfs-fuse)\" bin && bin/" + mount());
    EXPECT_EQ(installed.exit_code, 0) << installed.err;
}

TEST_F(MountVerbAdvice, UnusableOptionsAreRefused) {
    expect_refusal(in_shell(mount("-o nonempty,ecryptfs_cipher=aes")), ErrorCode::kInvalidArgument,
                   "-o ecryptfs_cipher=aes: not an option of FUSE",
                   "say it as ecryptfsctl mount --help has it");
    expect_refusal(in_shell(mount("-o ro")), ErrorCode::kInvalidArgument, "-o ro: not an option",
                   "say it as ecryptfsctl mount --help has it");
    EXPECT_THAT(in_shell("ecryptfsctl mount --help").out, HasSubstr("--read-only"));
    expect_refusal(in_shell(mount("--encrypted-view")), ErrorCode::kNotSupported,
                   "a mount in user space has no --encrypted-view",
                   "mount by the kernel: sudo ecryptfsctl mount --kernel lower upper --fresh "
                   "--key " +
                       key_ + " --encrypted-view");
    expect_refusal(in_shell(mount("--passthrough")), ErrorCode::kNotSupported,
                   "a mount in user space has no --passthrough",
                   "mount by the kernel: sudo ecryptfsctl mount --kernel");
    expect_refusal(in_shell(mount("--cipher twofish")), ErrorCode::kNotSupported,
                   "OpenSSL has no cipher twofish here", "mount it with a kernel that has it");
    EXPECT_FALSE(is_mounted());
}

TEST_F(MountVerbAdvice, OthersNeedConsentOfRoot) {
    if (!is_run_by_root()) {
        GTEST_SKIP() << "needs a mount namespace of root's, for another fuse.conf";
    }
    const std::string plain = "printf '# user_allow_other\\n' >" + path("conf") +
                              "; mount --bind " + path("conf") + " /etc/fuse.conf";
    for (const auto* option : {"allow_other", "default_permissions,allow_root"}) {
        expect_refusal(in_shell(mount(std::string("-o ") + option), plain),
                       ErrorCode::kAccessDenied, "the system lets only root do that",
                       "leave it out, or allow it: echo user_allow_other | sudo tee -a "
                       "/etc/fuse.conf");
    }
    const auto allowed = in_shell(mount("-o allow_other") + " && cat /proc/self/mountinfo",
                                  plain + "; echo user_allow_other | tee -a /etc/fuse.conf");
    EXPECT_THAT(allowed.out, HasSubstr(",allow_other")) << allowed.err;
}

TEST_F(MountVerbAdvice, FoldersOfOthersAreRefused) {
    expect_refusal(in_shell("ecryptfsctl mount lower /usr/local/share --force --key " + key_),
                   ErrorCode::kAccessDenied, "/usr/local/share belongs to root, and not to ",
                   "name a folder that belongs to ");
    EXPECT_EQ(in_shell(mount()).exit_code, 0);
    expect_refusal(in_shell(mount()), ErrorCode::kAlreadyExists, "is mounted on",
                   "ecryptfsctl umount " + path("upper"));
    expect_refusal(
        in_shell("mkdir upper/deep other && ecryptfsctl mount upper/deep other --key " + key_),
        ErrorCode::kInvalidArgument, "upper/deep is on an eCryptfs mount itself",
        "name the lower folder");
    EXPECT_EQ(in_shell("ecryptfsctl umount " + path("upper")).exit_code, 0);
}

TEST_F(MountVerbAdvice, MountOfAnotherNeedsItsUser) {
    if (!is_run_by_root()) {
        GTEST_SKIP() << "for root";
    }
    expect_done(ctl_as_root({"mount", path("lower"), path("upper"), "--key", key_}));
    expect_refusal(
        ctl({"umount", path("upper")}), ErrorCode::kAccessDenied, "was mounted by root",
        "do it for its owner: sudo ecryptfsctl umount " + path("upper") + " --user root");
    expect_done(ctl_as_root({"umount", path("upper"), "--user", "root"}));
    EXPECT_FALSE(is_mounted());
}

TEST_F(MountVerbAdvice, DeadMountIsToBeUnmounted) {
    expect_done(ctl({"mount", path("lower"), path("upper"), "--key", key_}));
    const auto pid = server();
    // The process that would unmount it dies first.
    for (const auto child : children_of(pid)) {
        ASSERT_EQ(::kill(child, SIGKILL), 0);
    }
    ASSERT_EQ(run_as_user({"/bin/kill", "-KILL", fmt::format("{}", pid)}).exit_code, 0);
    wait_until("it is dead",
               [&] { return run_as_user({"/bin/ls", path("upper")}).exit_code != 0; });
    EXPECT_THAT(ctl({"doctor"}).out,
                HasSubstr("broken    mount " + path("upper") +
                          ": the ecryptfs-fuse that mounted it has ended\n          try: unmount "
                          "what is left: ecryptfsctl umount " +
                          path("upper")));
    expect_refusal(ctl({"mount", path("upper")}), ErrorCode::kInternal, "not connected",
                   "the program that mounted it has ended: ecryptfsctl umount " + path("upper"));
    expect_done(ctl({"umount", path("upper")}));
    EXPECT_FALSE(is_mounted());
    expect_done(ctl({"mount", path("upper")}));
}

TEST_F(MountVerbAdvice, ForegroundShowsWhatFuseSays) {
    const auto refused =
        ctl({"mount", path("lower"), path("upper"), "--key", key_, "-f", "-o", "nonsense"});
    expect_refusal(refused, ErrorCode::kInvalidArgument, "ecryptfs-fuse exited with status 2",
                   "see what it says above");
    EXPECT_THAT(refused.err, HasSubstr("neither eCryptfs nor FUSE knows"));
}

}  // namespace
}  // namespace ecryptfs::test
