// SPDX-License-Identifier: Apache-2.0
//
// The advice of `doctor`: what is wrong is put into a system's files, the advice is followed there,
// and then nothing is wrong any more. tests/vm/doctor_test.cpp does it with a kernel.

#include <grp.h>
#include <gtest/gtest.h>
#include <keyutils.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "cli/doctor/diagnosis.h"
#include "tests/support/advised_command.h"
#include "tests/support/command.h"
#include "tests/support/files.h"
#include "tests/support/signatures.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/vectors.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;
using cli::Finding;
using cli::Health;

class DiagnosisAdvice : public ::testing::Test {
  protected:
    void put(const std::string& path, const std::string& content) const {
        const auto whole = folder_.path() / path;
        fs::create_directories(whole.parent_path());
        folder_.file(path, content);
    }
    static void expect_advice(const Finding& finding, const std::string& advice) {
        EXPECT_NE(finding.health, Health::kWorks) << finding.message;
        EXPECT_EQ(finding.advice, advice) << finding.message;
    }
    static void expect_works(const Finding& finding) {
        EXPECT_EQ(finding.health, Health::kWorks) << finding.message;
    }

    TemporaryFolder folder_;
    const std::string root_ = folder_.path();
};

TEST_F(DiagnosisAdvice, WorksForKernel) {
    utsname names{};
    ASSERT_EQ(::uname(&names), 0);
    put("proc/filesystems", "nodev\tsysfs\n");
    expect_advice(cli::check_kernel(root_),
                  "install a kernel that has it, as Debian's and Ubuntu's own; how files are read "
                  "without: ecryptfsctl decrypt --help");
    put(std::string("lib/modules/") + names.release + "/modules.dep",
        "kernel/fs/ecryptfs/ecryptfs.ko: kernel/security/keys/encrypted-keys.ko\n");
    expect_advice(cli::check_kernel(root_),
                  "sudo modprobe ecryptfs; the package has it loaded at every boot");
    put("proc/filesystems", "nodev\tecryptfs\n");  // as modprobe does it
    expect_works(cli::check_kernel(root_));
    put("sys/fs/ecryptfs/version", "61\n");
    expect_advice(cli::check_public_key_mode(root_),
                  "install a kernel that is built with CONFIG_ECRYPT_FS_MESSAGING");
    put("sys/fs/ecryptfs/version", "511\n");
    expect_works(cli::check_public_key_mode(root_));
}

TEST_F(DiagnosisAdvice, WorksForDevice) {
    fs::create_directories(folder_.path() / "dev");
    expect_advice(cli::check_device_node(root_),
                  "sudo modprobe ecryptfs; if it is loaded, the kernel lacks "
                  "CONFIG_ECRYPT_FS_MESSAGING");
    put("dev/ecryptfs", "");
    const auto device = root_ + "/dev/ecryptfs";
    ASSERT_EQ(::chmod(device.c_str(), 0666), 0);
    const auto open = cli::check_device_node(root_);
    expect_advice(open, "sudo chmod o= /dev/ecryptfs; the package's udev rule sees to it");
    // Word for word, but for whose device it is.
    auto command = command_in(open.advice);
    command.replace(command.find("sudo "), 5, "");
    command.replace(command.find("/dev/"), 5, root_ + "/dev/");
    EXPECT_EQ(run({"/bin/sh", {"-c", command}, {{"PATH", "/usr/bin:/bin"}}}).exit_code, 0);
    expect_works(cli::check_device_node(root_));
}

TEST_F(DiagnosisAdvice, WorksForKeyQuota) {
    const auto check = [&](unsigned uid, const std::string& numbers) {
        put("proc/key-users", std::to_string(uid) + ":     7 7/7 " + numbers + "\n");
        return cli::check_key_quota(root_, uid);
    };
    expect_advice(check(1000, "200/200 1234/20000"),
                  "remove a key that is not needed: ecryptfsctl remove-key SIGNATURE; or raise the "
                  "limits: sudo sysctl kernel.keys.maxkeys=400 kernel.keys.maxbytes=40000");
    expect_advice(check(0, "200/200 1234/20000"),
                  "remove a key that is not needed: ecryptfsctl remove-key SIGNATURE; or raise the "
                  "limits: sudo sysctl kernel.keys.root_maxkeys=400 "
                  "kernel.keys.root_maxbytes=40000");
    for (const char* name : {"maxkeys", "maxbytes", "root_maxkeys", "root_maxbytes"}) {
        EXPECT_TRUE(fs::exists(std::string("/proc/sys/kernel/keys/") + name));
    }
    expect_works(check(1000, "200/400 1234/40000"));
    expect_works(check(1000, "7/200 1234/20000"));
}

TEST_F(DiagnosisAdvice, WorksForLockedMemory) {
    const auto check = [&](const std::string& limit) {
        put("proc/77/limits", "Max locked memory         " + limit + "  8388608  bytes\n");
        return cli::check_memory_lock(root_, 77);
    };
    expect_advice(check("65536"),
                  "raise memlock in /etc/security/limits.conf, or LimitMEMLOCK= of user@.service "
                  "and ecryptfs-agent.service");
    expect_works(check("8388608"));
}

// A process that stands for the one that is in the way.
class InTheWay {
  public:
    const Process& process() const { return process_; }

  private:
    Process process_{{"sleep", {"1000"}, {}}, {}};
};

TEST_F(DiagnosisAdvice, WorksForOtherDaemons) {
    const InTheWay other;
    const auto pid = std::to_string(other.process().pid());
    put("proc/" + pid + "/status", "Name:\tecryptfsd\nPPid:\t1\nUid:\t1000\t0\t0\t0\n");
    const auto daemon = cli::check_old_daemon(root_, 1000);
    expect_advice(daemon, "kill " + pid + " && systemctl --user restart ecryptfs-agent");
    put("proc/" + pid + "/status", "Name:\tecryptfs-agent\nPPid:\t1\nUid:\t1000\t0\t0\t0\n");
    const cli::ManagerState manager = {.pid = 40,
                                       .device_path = "/dev/ecryptfs",
                                       .device_state = {base::ErrorCode::kDeviceBusy},
                                       .device_message = "somebody holds it",
                                       .device_advice = "find out who"};
    const auto holder = cli::check_device_holder(manager, root_, 1000);
    expect_advice(holder, "kill " + pid + " && ecryptfsctl status");
    const auto kill = holder.advice.substr(0, holder.advice.find(" &&"));
    EXPECT_EQ(run({"/bin/sh", {"-c", kill}}).exit_code, 0);
    wait_until("the process has ended", [&] {
        return ::kill(other.process().pid(), 0) != 0 ||
               content_of("/proc/" + pid + "/stat").contains(") Z");
    });
    fs::remove_all(folder_.path() / "proc" / pid);
    expect_works(cli::check_old_daemon(root_, 1000));
}

TEST_F(DiagnosisAdvice, WorksForAgent) {
    const cli::ManagerState manager = {.version = "1.2", .pid = 5};
    expect_advice(cli::check_agent(manager, "1.3"), "systemctl --user restart ecryptfs-agent");
    expect_works(cli::check_agent(manager, "1.2"));
}

// In place of a group that gets in.
TEST_F(DiagnosisAdvice, WorksForForbiddenDevice) {
    put("dev/ecryptfs", "");
    const auto device = root_ + "/dev/ecryptfs";
    ASSERT_EQ(::chmod(device.c_str(), 0), 0);
    struct stat status{};
    ASSERT_EQ(::stat(device.c_str(), &status), 0);
    const auto* group = ::getgrgid(status.st_gid);
    const auto* user = ::getpwuid(::geteuid());
    ASSERT_NE(group, nullptr);
    ASSERT_NE(user, nullptr);
    expect_advice(cli::check_device_node(root_), std::string("sudo usermod --append --groups ") +
                                                     group->gr_name + " " + user->pw_name +
                                                     "; then log out of all sessions and in again");
    ASSERT_EQ(::chmod(device.c_str(), 0660), 0);
    expect_works(cli::check_device_node(root_));
}

// As after login.
void make_keyrings() {
    ASSERT_GT(::keyctl_join_session_keyring(nullptr), 0);
    ASSERT_EQ(::keyctl_clear(KEY_SPEC_USER_KEYRING), 0);
    ASSERT_EQ(::keyctl_link(KEY_SPEC_USER_KEYRING, KEY_SPEC_SESSION_KEYRING), 0);
}

void add_token(const std::string& name) {
    const auto payload = content_of(vector_path("rsa2048-aes16.authtok." + name));
    ASSERT_GT(
        ::add_key("user", name.c_str(), payload.data(), payload.size(), KEY_SPEC_USER_KEYRING), 0);
}

TEST_F(DiagnosisAdvice, WorksForKeysUnseenByAgent) {
    make_keyrings();
    add_token(kSignature);
    expect_advice(cli::check_common_keyring({}),
                  "let the agent run as the same user, in the same user namespace: systemctl "
                  "--user restart ecryptfs-agent");
    // As an agent that sees it tells.
    const auto serial = ::keyctl_search(KEY_SPEC_USER_KEYRING, "user", kSignature, 0);
    cli::AgentKey seen;
    seen.signature = kSignature;
    seen.keyring = "user";
    seen.serial = static_cast<std::int32_t>(serial);
    expect_works(cli::check_common_keyring({seen}));
}

TEST_F(DiagnosisAdvice, WorksForMountWithoutKey) {
    make_keyrings();
    const std::vector<cli::MountedFolder> mounts = {{"/lower", root_, {.keys = {signature()}}}};
    const auto check = [&] { return cli::check_mounts(mounts, ::geteuid()).at(0); };
    expect_advice(check(), std::string("add the key ") + kSignature +
                               " again: ecryptfsctl add-key FILE-OR-URI, or for a passphrase: "
                               "ecryptfsctl add-passphrase");
    add_token(kSignature);  // as add-key does
    expect_works(check());
}

TEST_F(DiagnosisAdvice, WorksForSessionKeyring) {
    ASSERT_GT(::keyctl_join_session_keyring(nullptr), 0);
    const auto finding = cli::check_session_keyring();
    expect_advice(finding, "keyctl link @u @s; or log in through PAM with pam_keyinit.so");
    EXPECT_EQ(
        run({"/bin/sh", {"-c", command_in(finding.advice)}, {{"PATH", "/usr/bin:/bin"}}}).exit_code,
        0);
    expect_works(cli::check_session_keyring());
}

}  // namespace
}  // namespace ecryptfs::test
