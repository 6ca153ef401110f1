// SPDX-License-Identifier: Apache-2.0
//
// A key that is not to be used any more opens no file from that moment on.

#include <gtest/gtest.h>

#include "tests/support/wait.h"
#include "tests/vm/files.h"
#include "tests/vm/fixture.h"
#include "tests/vm/kernel.h"
#include "tests/vm/keyring.h"
#include "tests/vm/mount.h"
#include "tests/vm/user_session.h"

namespace ecryptfs::vm {
namespace {

class KeyLife : public OnTheRealKernel {
  protected:
    void SetUp() override {
        OnTheRealKernel::SetUp();
        key_ = session_.add_key(key_file_, "secret");
        mount_.mount(mount_options({key_}));
        files_ = make_files(alice(), mount_.upper(), 4);
        mount_.mount_anew();
    }

    // A file not opened before opens, or else fails.
    int open_another() { return open_error(alice(), files_.at(next_++)); }
    nlohmann::json failures() const { return session_.status()["queue"]["failed_by_reason"]; }

    UserSession session_{alice()};
    Mount mount_{session_, "key-life"};
    std::string key_file_ = install_key(alice(), "k1024.pem");
    std::string key_;

  private:
    Paths files_;
    std::size_t next_ = 0;
};

TEST_F(KeyLife, LockedKeyOpensNothing) {
    EXPECT_EQ(open_another(), 0);
    session_.ctl_prints({"lock", key_});
    EXPECT_EQ(open_another(), EIO);
    EXPECT_EQ(failures(), (nlohmann::json{{"KeyLocked", 1}}));  // answered, not timed out
    EXPECT_EQ(session_.key(key_)["state"], "locked");

    session_.ctl_prints({"unlock", key_, "--passphrase-file", "-"}, "secret\n");
    EXPECT_EQ(open_another(), 0);
}

TEST_F(KeyLife, UnlinkedKeyOpensNothing) {
    EXPECT_EQ(open_another(), 0);
    unlink_key(session_, key_);
    EXPECT_EQ(open_another(), EIO);
    EXPECT_EQ(failures(), (nlohmann::json{{"UnknownKey", 1}}));

    EXPECT_EQ(session_.add_key(key_file_, "secret"), key_);
    EXPECT_EQ(open_another(), 0);
}

TEST_F(KeyLife, RevokedKeyOpensNothing) {
    EXPECT_EQ(open_another(), 0);
    revoke(session_, key_);
    EXPECT_NE(open_another(), 0);
    EXPECT_EQ(session_.key(key_)["state"], "revoked");

    EXPECT_EQ(session_.add_key(key_file_, "secret"), key_);
    mount_.mount_anew();
    EXPECT_EQ(open_another(), 0);
}

TEST_F(KeyLife, ExpiredKeyOpensNothing) {
    session_.ctl_prints({"add-key", key_file_, "--passphrase-file", "-", "--timeout", "10"},
                        "secret\n");
    EXPECT_FALSE(session_.key(key_)["expires"].is_null());
    test::wait_until("the key expires", [&] { return session_.key(key_)["state"] == "expired"; });
    EXPECT_NE(open_another(), 0);

    EXPECT_EQ(session_.add_key(key_file_, "secret"), key_);
    mount_.mount_anew();
    EXPECT_EQ(open_another(), 0);
}

}  // namespace
}  // namespace ecryptfs::vm
