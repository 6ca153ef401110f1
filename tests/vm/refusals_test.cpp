// SPDX-License-Identifier: Apache-2.0
//
// What stands in the way of adding a key on a real machine: one clear line, what to do, and the
// exit code of docs/errors.md. Once it is out of the way, the same agent goes on.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/wait.h"
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

class AddKey : public OnTheRealKernel {
  protected:
    void TearDown() override {
        load_ecryptfs();  // does nothing to a module that is loaded
        OnTheRealKernel::TearDown();
    }

    static Outcome add_key(const UserSession& session) {
        return session.ctl({"add-key", key_file_, "--passphrase-file", "-"}, "secret\n");
    }

    // "ecryptfsctl: what is wrong\ntry: what to do\n"
    static void expect_refusal(const UserSession& session, int exit_code, const std::string& what,
                               const std::string& advice) {
        const auto added = add_key(session);
        EXPECT_EQ(added.exit_code, exit_code);
        EXPECT_EQ(added.out, "");
        const auto second_line = added.err.find("\ntry: ");
        EXPECT_THAT(added.err.substr(0, second_line), HasSubstr(what));
        EXPECT_THAT(added.err.substr(std::min(second_line, added.err.size())), HasSubstr(advice));
        EXPECT_EQ(std::ranges::count(added.err, '\n'), 2) << added.err;
        EXPECT_EQ(session.ctl_prints({"list-keys", "--json"}), "{\n  \"keys\": []\n}\n");
    }

    // Keys are added all the same: a mount in user space needs no device.
    static void expect_device_error(const UserSession& session, int exit_code,
                                    const std::string& what, const std::string& advice) {
        const auto status = session.ctl({"status"});
        EXPECT_EQ(status.exit_code, exit_code);
        EXPECT_THAT(status.err, HasSubstr(what));
        EXPECT_THAT(status.err, HasSubstr(advice));
        EXPECT_EQ(add_key(session).exit_code, 0);
    }

    static void expect_device_opens_by_itself(const UserSession& session) {
        const auto agent = session.agent();
        test::wait_until("the device is open",
                         [&] { return session.status()["device"]["open"] == true; });
        EXPECT_EQ(session.agent(), agent);
        EXPECT_EQ(add_key(session).exit_code, 0);
    }

    static inline const std::string key_file_ = install_key(alice(), "k1024.pem");
};

TEST_F(AddKey, NeedsNoPermissionOnDevice) {
    set_device_mode(0600);
    const UserSession session(alice());
    expect_device_error(session, 6, "no permission to open /dev/ecryptfs", "usermod");
    set_device_mode(0660);
    expect_device_opens_by_itself(session);
}

TEST_F(AddKey, NeedsNoKernelModule) {
    unload_ecryptfs();
    const UserSession session(alice());
    expect_device_error(session, 5, "there is no /dev/ecryptfs", "modprobe ecryptfs");
    load_ecryptfs();
    expect_device_opens_by_itself(session);
}

TEST_F(AddKey, NeedsNoFreeDevice) {
    OtherDaemon other(alice(), "other");
    const UserSession session(alice());
    expect_device_error(session, 7, "another daemon of this user holds /dev/ecryptfs", "stop it");
    other.end();
    expect_device_opens_by_itself(session);
}

TEST_F(AddKey, NeedsFreeKeyQuota) {
    const UserSession session(alice());
    fill_quota(session);
    expect_refusal(session, 17, "quota", "remove a key that you no longer need");
    remove_fillers(session);
    EXPECT_EQ(add_key(session).exit_code, 0);
}

TEST_F(AddKey, WorksAfterModuleReload) {
    const UserSession session(alice());
    EXPECT_EQ(add_key(session).exit_code, 0);
    const auto first_agent = session.agent();
    session.stop_agent();
    unload_ecryptfs();
    load_ecryptfs();

    const auto signature = session.add_key(key_file_, "secret");
    EXPECT_NE(session.agent(), first_agent);
    Mount mount(session, "reloaded");
    mount.mount(mount_options({signature}));
    const auto file = make_files(alice(), mount.upper(), 1).front();
    mount.mount_anew();
    EXPECT_EQ(open_error(alice(), file), 0);
}

}  // namespace
}  // namespace ecryptfs::vm
