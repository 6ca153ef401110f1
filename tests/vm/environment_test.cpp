// SPDX-License-Identifier: Apache-2.0
//
// A machine whose clock jumps, and one whose disk is full.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>

#include "tests/vm/files.h"
#include "tests/vm/fixture.h"
#include "tests/vm/keyring.h"
#include "tests/vm/mount.h"
#include "tests/vm/openers.h"
#include "tests/vm/user_session.h"

namespace ecryptfs::vm {
namespace {

namespace fs = std::filesystem;

class Environment : public OnTheRealKernel {};

void move_clock(std::time_t seconds) {
    timespec now{};
    ASSERT_EQ(::clock_gettime(CLOCK_REALTIME, &now), 0);
    now.tv_sec += seconds;
    ASSERT_EQ(::clock_settime(CLOCK_REALTIME, &now), 0);
}

TEST_F(Environment, JumpingClockStopsNoOpen) {
    constexpr std::time_t kYear = 365 * 86'400;
    const UserSession session(alice());
    const auto key = session.add_key(install_key(alice(), "k1024.pem"), "secret");
    Mount mount(session, "clock");
    mount.mount(mount_options({key}));
    const auto files = make_files(alice(), mount.upper(), 20);
    for (const auto jump : {kYear, -2 * kYear, kYear}) {
        mount.mount_anew();
        Openers openers(alice(), files, 4);
        move_clock(jump);
        openers.wait();
        EXPECT_EQ(openers.failed(), 0) << jump << " s, errno " << openers.last_error();
    }
    EXPECT_EQ(session.key(key)["state"], "unlocked");
}

constexpr int kNoSpace = 33;  // docs/errors.md

// A file system of a few pages, all of which are taken.
class FullDisk {
  public:
    FullDisk() {
        fs::create_directory(path_);
        EXPECT_EQ(::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=16k,mode=1777"), 0);
        std::ofstream filler(path_ / "filler");
        filler << std::string(64 * 1024, 'x');
    }
    FullDisk(const FullDisk&) = delete;
    FullDisk& operator=(const FullDisk&) = delete;
    ~FullDisk() { EXPECT_EQ(::umount(path_.c_str()), 0); }

    const fs::path& path() const { return path_; }
    // But for the filler.
    std::ptrdiff_t files() const {
        return std::distance(fs::directory_iterator(path_), fs::directory_iterator()) - 1;
    }

  private:
    fs::path path_ = "/tmp/full-disk";
};

TEST_F(Environment, FullDiskLeavesNoHalfFile) {
    const UserSession session(alice());
    const FullDisk disk;
    const auto made = session.ctl({"generate-key", "--module-dir", ECRYPTFS_MODULE_FOLDER,
                                   "--pki-host", ECRYPTFS_PKI_HOST, "--no-passphrase", "--bits",
                                   "2048", "openssl", disk.path() / "key.pem"});
    EXPECT_NE(made.exit_code, 0);
    EXPECT_THAT(made.err, testing::HasSubstr("No space left"));
    const auto wrapped =
        session.ctl({"wrap-passphrase", disk.path() / "wrapped", "--passphrase-file",
                     "/etc/hostname", "--wrapping-passphrase-file", "-"},
                    "secret\n");
    EXPECT_EQ(wrapped.exit_code, kNoSpace) << wrapped.err;
    EXPECT_THAT(wrapped.err, testing::HasSubstr("No space left"));

    const Mount mount(session, "full-disk");  // for its lower folder
    unpack(alice(), "pass-aes16.lower.tar.xz", mount.lower());
    load_token(session, "pass-aes16", "9d59cdc2eaf8d95e");
    const auto decrypted =
        session.ctl({"decrypt", mount.lower() / "size-004097.bin",
                     mount.lower() / "size-012288.bin", "--output", disk.path()});
    EXPECT_EQ(decrypted.exit_code, kNoSpace) << decrypted.err;
    EXPECT_THAT(decrypted.err, testing::HasSubstr("stopped at"));
    EXPECT_THAT(decrypted.err, testing::HasSubstr("the rest was not looked at"));
    EXPECT_EQ(disk.files(), 0);
}

}  // namespace
}  // namespace ecryptfs::vm
