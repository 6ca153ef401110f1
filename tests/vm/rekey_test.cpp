// SPDX-License-Identifier: Apache-2.0
//
// What rekey writes is read by the kernel, and what the kernel wrote since is rekeyed.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/vm/files.h"
#include "tests/vm/fixture.h"
#include "tests/vm/mount.h"
#include "tests/vm/user_session.h"

namespace ecryptfs::vm {
namespace {

using testing::HasSubstr;

class Rekeyed : public OnTheRealKernel {
  protected:
    void rekey(Arguments options, const std::string& input) {
        options.insert(options.begin(), {"rekey", mount_.lower().string(), "--module-dir",
                                         ECRYPTFS_MODULE_FOLDER, "--pki-host", ECRYPTFS_PKI_HOST});
        const auto outcome = session_.ctl(options, input);
        EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
        EXPECT_THAT(outcome.out, HasSubstr(fmt::format("rekeyed {} files", files_.size())));
    }
    void expect_plain(const std::vector<std::string>& keys, int key_bytes) {
        mount_.mount(mount_options(keys, key_bytes));
        EXPECT_EQ(difference(alice(), plain_tree(), mount_.upper()), "");
    }
    std::string add_passphrase(const std::string& passphrase) {
        return session_.ctl_prints({"add-passphrase", "--passphrase-file", "-"}, passphrase)
            .substr(0, 16);
    }

    UserSession session_{alice()};
    Mount mount_{session_, "rekeyed"};
    Paths files_ = files_in(plain_tree());
};

TEST_F(Rekeyed, FilesAreReadByTheKernel) {
    unpack(alice(), "rsa2048p8-aes32.lower.tar.xz", mount_.lower());
    const auto old_key = install_key(alice(), "k2048p8.pem");
    // Tag 1 becomes Tag 3 and 11.
    rekey({"--key", old_key, "--key-passphrase-file", "-", "--to", add_passphrase("second")},
          "p8secret");
    expect_plain({add_passphrase("second")}, 32);
    // While it is mounted nothing is changed.
    const auto refused = session_.ctl({"rekey", mount_.lower().string(), "--to", old_key});
    EXPECT_EQ(refused.exit_code, 31) << refused.err;
    mount_.unmount();

    // A private key beside it, then alone: Tag 1 again.
    const auto new_key = install_key(alice(), "k2048.pem");
    const auto signature = session_.add_key(new_key, "secret");
    rekey({"--add", signature, "--new-key-passphrase-file", "-"}, "secret");
    expect_plain({signature, add_passphrase("second")}, 32);
    mount_.unmount();
    rekey({"--key", new_key, "--key-passphrase-file", "-", "--remove", add_passphrase("second")},
          "secret");
    expect_plain({signature}, 32);
}

}  // namespace
}  // namespace ecryptfs::vm
