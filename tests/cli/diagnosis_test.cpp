// SPDX-License-Identifier: Apache-2.0
//
// What `doctor` makes of system files that say what they cannot be made to say here. The real ones
// are in tests/vm/doctor_test.cpp.

#include "cli/doctor/diagnosis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "tests/support/temporary_folder.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;
using cli::Health;
using dbus::KeyState;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

MATCHER_P2(Finds, health, part, "") {
    *result_listener << "which " << cli::health_name(arg.health) << ": " << arg.message;
    return arg.health == health && arg.message.find(part) != std::string::npos &&
           (arg.health == Health::kWorks || arg.health == Health::kUnknown || !arg.advice.empty());
}

class Diagnosis : public ::testing::Test {
  protected:
    // A file of the system.
    void put(const std::string& path, const std::string& content) const {
        const auto whole = folder_.path() / path;
        fs::create_directories(whole.parent_path());
        folder_.file(path, content);
    }
    void put_process(int pid, const std::string& name, unsigned uid, int parent = 1) const {
        put("proc/" + std::to_string(pid) + "/status",
            "Name:\t" + name + "\nUmask:\t0022\nPPid:\t" + std::to_string(parent) + "\nUid:\t" +
                std::to_string(uid) + "\t0\t0\t0\n");
    }
    void put_limit(const std::string& soft) const {
        put("proc/77/limits",
            "Limit                     Soft Limit           Hard Limit           Units\n"
            "Max processes             1                    2                    processes\n"
            "Max locked memory         " +
                soft + "             8388608              bytes\n");
    }

    TemporaryFolder folder_;
    const std::string root_ = folder_.path();
};

TEST_F(Diagnosis, KernelWithEcryptfsWorks) {
    put("proc/filesystems", "nodev\tsysfs\n\text4\nnodev\tecryptfs\n");
    EXPECT_THAT(cli::check_kernel(root_), Finds(Health::kWorks, "has eCryptfs"));
}

TEST_F(Diagnosis, UnloadedModuleIsFound) {
    utsname names{};
    ASSERT_EQ(::uname(&names), 0);
    put("proc/filesystems", "nodev\tsysfs\n");
    put(std::string("lib/modules/") + names.release + "/modules.dep",
        "kernel/fs/ecryptfs/ecryptfs.ko: kernel/security/keys/encrypted-keys.ko\n");
    const auto finding = cli::check_kernel(root_);
    EXPECT_THAT(finding, Finds(Health::kBroken, "not loaded"));
    EXPECT_THAT(finding.advice, HasSubstr("modprobe"));
}

TEST_F(Diagnosis, KernelWithoutEcryptfsIsFound) {
    put("proc/filesystems", "nodev\tsysfs\n");
    const auto finding = cli::check_kernel(root_);
    EXPECT_THAT(finding, Finds(Health::kBroken, "has no eCryptfs"));
    EXPECT_THAT(finding.advice, Not(HasSubstr("modprobe")));
}

TEST_F(Diagnosis, KernelWithoutPublicKeysIsFound) {
    put("sys/fs/ecryptfs/version", "61\n");
    EXPECT_THAT(cli::check_public_key_mode(root_), Finds(Health::kBroken, "passphrases only"));
    put("sys/fs/ecryptfs/version", "511\n");
    EXPECT_THAT(cli::check_public_key_mode(root_), Finds(Health::kWorks, "0x1ff"));
    fs::remove_all(folder_.path() / "sys");
    EXPECT_THAT(cli::check_public_key_mode(root_), Finds(Health::kUnknown, ""));
}

TEST_F(Diagnosis, DeviceOpenToAllIsFound) {
    put("dev/ecryptfs", "");
    const auto device = root_ + "/dev/ecryptfs";
    ASSERT_EQ(::chmod(device.c_str(), 0666), 0);
    EXPECT_THAT(cli::check_device_node(root_), Finds(Health::kDoubtful, "everybody"));
    ASSERT_EQ(::chmod(device.c_str(), 0660), 0);
    EXPECT_THAT(cli::check_device_node(root_), Finds(Health::kWorks, "may open"));
    fs::remove(device);
    EXPECT_THAT(cli::check_device_node(root_), Finds(Health::kBroken, "does not exist"));
}

TEST_F(Diagnosis, MissingUserSpacePartsAreFound) {
    const auto check = [&](uid_t uid) { return cli::check_user_space(root_, uid); };
    EXPECT_THAT(check(1000).at(0), Finds(Health::kBroken, "there is no /dev/fuse"));
    EXPECT_THAT(check(1000).at(1), Finds(Health::kBroken, "there is no fusermount3"));
    put("dev/fuse", "");
    put("usr/bin/fusermount3", "");
    EXPECT_THAT(check(1000).at(1), Finds(Health::kBroken, "")) << "not a program";
    ASSERT_EQ(::chmod((root_ + "/usr/bin/fusermount3").c_str(), 0755), 0);
    put("etc/fuse.conf", "# user_allow_other\n");
    EXPECT_THAT(check(1000).at(0), Finds(Health::kWorks, ""));
    EXPECT_THAT(check(1000).at(1), Finds(Health::kWorks, "allow_other for root only"));
    put("etc/fuse.conf", "mount_max = 5\n user_allow_other # so\n");
    EXPECT_THAT(check(1000).at(1), Finds(Health::kWorks, "allow_other for everybody"));
    EXPECT_EQ(check(0).size(), check(1000).size() - 1) << "root needs no fusermount3";
}

TEST_F(Diagnosis, OneWayToMountIsEnough) {
    const std::vector<cli::Finding> all_broken = {{"kernel", Health::kBroken},
                                                  {"device", Health::kBroken},
                                                  {"fuse", Health::kBroken},
                                                  {"ecryptfs-fuse", Health::kWorks},
                                                  {"agent", Health::kBroken}};
    const auto judged = [&](Health kernel, Health fuse) {
        auto findings = all_broken;
        findings[0].health = kernel;
        findings[2].health = fuse;
        cli::accept_one_way(findings);
        std::string text;
        for (const auto& finding : findings) {
            text += cli::health_name(finding.health).front();
        }
        return text;
    };
    EXPECT_EQ(judged(Health::kBroken, Health::kBroken), "bbbwb");
    EXPECT_EQ(judged(Health::kBroken, Health::kWorks), "ddwwb") << "mounts in user space";
    EXPECT_EQ(judged(Health::kWorks, Health::kBroken), "wbdwb") << "mounts by the kernel";
    EXPECT_EQ(judged(Health::kWorks, Health::kWorks), "wbwwb");
}

TEST_F(Diagnosis, FullKeyQuotaIsFound) {
    const auto check = [&](const std::string& numbers) {
        put("proc/key-users", "    0:    66 65/65 4/1000000 79/25000000\n 1000:     7 7/7 " +
                                  numbers + "\n 1001:  1 1/1 200/200 20000/20000\n");
        return cli::check_key_quota(root_, 1000);
    };
    EXPECT_THAT(check("7/200 1234/20000"), Finds(Health::kWorks, "7 of 200 keys, 1234 of 20000"));
    EXPECT_THAT(check("7/200 18000/20000"), Finds(Health::kDoubtful, "18000 of 20000 bytes"));
    EXPECT_THAT(check("180/200 1234/20000"), Finds(Health::kDoubtful, "180 of 200 keys"));
    EXPECT_THAT(check("200/200 1234/20000"), Finds(Health::kBroken, "200 of 200 keys"));
    EXPECT_THAT(cli::check_key_quota(root_, 4711), Finds(Health::kUnknown, ""));
}

TEST_F(Diagnosis, LowMemoryLockLimitIsFound) {
    put_limit("65536");
    const auto finding = cli::check_memory_lock(root_, 77);
    EXPECT_THAT(finding, Finds(Health::kBroken, "65.5 kB"));
    EXPECT_THAT(finding.advice, HasSubstr("LimitMEMLOCK="));
    put_limit("8388608");
    EXPECT_THAT(cli::check_memory_lock(root_, 77), Finds(Health::kWorks, "8.4 MB"));
    put_limit("unlimited");
    EXPECT_THAT(cli::check_memory_lock(root_, 77), Finds(Health::kWorks, "no limit"));
    EXPECT_THAT(cli::check_memory_lock(root_, 78), Finds(Health::kUnknown, ""));
}

TEST_F(Diagnosis, OldDaemonIsFound) {
    put_process(10, "systemd", 0);
    put_process(20, "ecryptfsd", 1001);
    EXPECT_THAT(cli::check_old_daemon(root_, 1000), Finds(Health::kWorks, ""));
    put_process(30, "ecryptfsd", 1000);
    const auto finding = cli::check_old_daemon(root_, 1000);
    EXPECT_THAT(finding, Finds(Health::kBroken, "pid 30"));
    EXPECT_THAT(finding.advice, HasSubstr("kill 30"));
}

class DeviceHolder : public Diagnosis {
  protected:
    cli::Finding finding() const { return cli::check_device_holder(manager_, root_, 1000); }

    cli::ManagerState manager_ = {.pid = 40,
                                  .device_path = "/dev/ecryptfs",
                                  .device_state = {base::ErrorCode::kDeviceBusy},
                                  .device_message = "somebody holds it",
                                  .device_advice = "find out who"};
};

TEST_F(DeviceHolder, AgentIsRight) {
    manager_.device_state = dbus::kDeviceOpen;
    put_process(50, "ecryptfs-agent", 1000);
    EXPECT_THAT(finding(), Finds(Health::kWorks, "the agent"));
}

TEST_F(DeviceHolder, VisibleHolderIsNamed) {
    put_process(40, "ecryptfs-agent", 1000);
    put_process(41, "ecryptfs-agent", 1000, 40);  // its guard
    put_process(50, "rogue", 1000);
    fs::create_directories(folder_.path() / "proc/50/fd");
    fs::create_symlink("/dev/ecryptfs", folder_.path() / "proc/50/fd/3");
    EXPECT_THAT(finding(), Finds(Health::kBroken, "somebody holds it; rogue (pid 50) does"));
}

TEST_F(DeviceHolder, OtherAgentIsNamed) {
    put_process(40, "ecryptfs-agent", 1000);
    put_process(41, "ecryptfs-agent", 1000, 40);
    put_process(60, "ecryptfs-agent", 1001);
    put_process(61, "ecryptfs-agent", 1000);
    EXPECT_THAT(finding(), Finds(Health::kBroken, "ecryptfs-agent (pid 61) does"));
}

TEST_F(DeviceHolder, UnknownHolderIsReported) {
    put_process(40, "ecryptfs-agent", 1000);
    EXPECT_THAT(finding(), Finds(Health::kBroken, "somebody holds it"));
    EXPECT_EQ(finding().advice, "find out who");
}

TEST_F(Diagnosis, OtherVersionOfAgentIsFound) {
    const cli::ManagerState manager = {.version = "1.2", .pid = 5};
    EXPECT_THAT(cli::check_agent(manager, "1.2"), Finds(Health::kWorks, "version 1.2, pid 5"));
    EXPECT_THAT(cli::check_agent(manager, "1.3"), Finds(Health::kDoubtful, "ecryptfsctl 1.3"));
}

TEST_F(Diagnosis, StateOfKeysIsFound) {
    cli::AgentKey key = {.signature = "0123456789abcdef", .locator = "file:///k.pem"};
    const auto check = [&](dbus::KeyState state) {
        key.state = state;
        return cli::check_key(key);
    };
    EXPECT_THAT(check(KeyState::kUnlocked), Finds(Health::kWorks, "file:///k.pem"));
    EXPECT_THAT(check(KeyState::kUnopened), Finds(Health::kWorks, "unopened"));
    EXPECT_THAT(check(KeyState::kLocked), Finds(Health::kDoubtful, "locked"));
    for (const auto state :
         {KeyState::kExpired, KeyState::kRevoked, KeyState::kMissing, KeyState::kUnusable}) {
        EXPECT_THAT(check(state), Finds(Health::kBroken, dbus::state_name(state)));
        EXPECT_THAT(check(state).advice, HasSubstr("add-key /k.pem"));
    }
}

}  // namespace
}  // namespace ecryptfs::test
