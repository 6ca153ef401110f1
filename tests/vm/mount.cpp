// SPDX-License-Identifier: Apache-2.0

#include "tests/vm/mount.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace ecryptfs::vm {

std::string mount_options(const std::vector<std::string>& signatures, int key_bytes) {
    std::string options = fmt::format("ecryptfs_cipher=aes,ecryptfs_key_bytes={}", key_bytes);
    for (const auto& signature : signatures) {
        options += ",ecryptfs_sig=" + signature;
    }
    return options;
}

Mount::Mount(const UserSession& session, const std::string& name)
    : session_(session),
      folder_(std::filesystem::path("/mnt/scratch") / name),
      lower_(folder_ / "lower"),
      upper_(folder_ / "upper") {
    const auto id = session.user().id;
    for (const auto& folder : {lower_, upper_}) {
        EXPECT_TRUE(std::filesystem::create_directories(folder)) << folder;
        EXPECT_EQ(::chown(folder.c_str(), id, id), 0);
    }
}

Mount::~Mount() {
    unmount();
    std::filesystem::remove_all(folder_);
}

void Mount::mount(const std::string& options) {
    options_ = options;
    const int error = session_.call_as_root([&] {
        return ::mount(lower_.c_str(), upper_.c_str(), "ecryptfs", 0, options.c_str()) == 0 ? 0
                                                                                            : errno;
    });
    is_mounted_ = error == 0;
    ASSERT_TRUE(is_mounted_) << ::strerrordesc_np(error);
}

void Mount::mount_by_sudo(const std::string& options) {
    options_ = options;
    const auto outcome =
        session_.run({"sudo", "mount", "-i", "-t", "ecryptfs", "-o", options, lower_, upper_});
    is_mounted_ = outcome.exit_code == 0;
    ASSERT_TRUE(is_mounted_) << outcome.err;
}

void Mount::unmount() {
    if (is_mounted_) {
        EXPECT_EQ(::umount2(upper_.c_str(), 0), 0) << upper_;
        is_mounted_ = false;
    }
}

void Mount::mount_anew() {
    unmount();
    mount(options_);
}

}  // namespace ecryptfs::vm
