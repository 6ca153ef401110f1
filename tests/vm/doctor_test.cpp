// SPDX-License-Identifier: Apache-2.0
//
// ecryptfsctl doctor on the real kernel: all is well, and then one link at a time is broken.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/vm/files.h"
#include "tests/vm/fixture.h"
#include "tests/vm/kernel.h"
#include "tests/vm/keyring.h"
#include "tests/vm/mount.h"
#include "tests/vm/other_daemon.h"
#include "tests/vm/user_session.h"

namespace ecryptfs::vm {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

constexpr int kUnhealthy = 32;

class Doctor : public OnTheRealKernel {
  protected:
    void TearDown() override {
        load_ecryptfs();
        OnTheRealKernel::TearDown();
    }

    struct Diagnosis {
        int exit_code;
        Json links;

        Json of(const std::string& name) const {
            for (const auto& link : links) {
                if (link["link"] == name) {
                    return link;
                }
            }
            return nullptr;
        }
    };
    static Diagnosis diagnosis(const UserSession& session) {
        const auto outcome = session.ctl({"doctor", "--json", "--module-dir",
                                          ECRYPTFS_MODULE_FOLDER, "--pki-host", ECRYPTFS_PKI_HOST});
        return {outcome.exit_code, Json::parse(outcome.out)["links"]};
    }
    static void expect_broken(const Diagnosis& found, const std::string& link,
                              const std::string& message, const std::string& advice) {
        const auto broken = found.of(link);
        ASSERT_FALSE(broken.is_null()) << found.links;
        EXPECT_EQ(found.exit_code, kUnhealthy);
        EXPECT_EQ(broken["health"], "broken");
        EXPECT_THAT(broken["message"].get<std::string>(), HasSubstr(message));
        EXPECT_THAT(broken["advice"].get<std::string>(), HasSubstr(advice));
    }
};

TEST_F(Doctor, FindsNothingWrong) {
    load_fuse();
    const UserSession session(alice());
    const auto signature = session.add_key(install_key(alice(), "k1024.pem"), "secret");
    Mount mount(session, "well");
    mount.mount(mount_options({signature}));
    const auto found = diagnosis(session);
    EXPECT_EQ(found.exit_code, 0);
    for (const auto& link : found.links) {
        EXPECT_EQ(link["health"], "works") << link;
    }
    EXPECT_FALSE(found.of("mount " + mount.upper().string()).is_null()) << found.links;
    EXPECT_FALSE(found.of("key " + signature).is_null());

    unlink_key(session, signature);
    expect_broken(diagnosis(session), "mount " + mount.upper().string(), signature, "add-key");
}

TEST_F(Doctor, FindsUnloadedModule) {
    unload_ecryptfs();
    load_fuse(0600);
    const UserSession session(alice());
    const auto found = diagnosis(session);
    expect_broken(found, "kernel", "not loaded", "modprobe");
    expect_broken(found, "device", "does not exist", "modprobe");
    expect_broken(found, "fuse", "may not open", "chmod");
    load_fuse();
    const auto without = diagnosis(session);
    EXPECT_EQ(without.exit_code, 0) << without.links;
    EXPECT_EQ(without.of("kernel")["health"], "doubtful") << "folders are mounted in user space";
    EXPECT_EQ(without.of("holder")["health"], "doubtful");
}

TEST_F(Doctor, FindsForbiddenDevice) {
    set_device_mode(0600);
    const UserSession session(alice());
    expect_broken(diagnosis(session), "device", "alice may not open", "log out");
    set_device_mode(0660);
}

TEST_F(Doctor, NamesHolderOfDevice) {
    OtherDaemon other(alice(), "ecryptfsd");
    const UserSession session(alice());
    const auto found = diagnosis(session);
    const auto pid = std::to_string(other.pid());
    expect_broken(found, "ecryptfsd", "pid " + pid, "kill " + pid);
    expect_broken(found, "holder", "ecryptfsd (pid " + pid + ")", "kill " + pid);
    other.end();
}

TEST_F(Doctor, FindsFullQuota) {
    const UserSession session(alice());
    fill_quota(session);
    expect_broken(diagnosis(session), "key quota", " of ", "remove-key");
    remove_fillers(session);
}

}  // namespace
}  // namespace ecryptfs::vm
