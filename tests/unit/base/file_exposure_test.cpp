// SPDX-License-Identifier: Apache-2.0

#include "lib/base/file_exposure.h"

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <string>

namespace ecryptfs::base {
namespace {

constexpr uid_t kMe = 1000;
constexpr uid_t kOther = 1001;

std::optional<std::string> exposure(const FileRights& rights, uid_t user = kMe) {
    return describe_exposure(rights, user, "this key", "/home/ada/my key");
}

TEST(FileExposure, NamesWhatOthersCanReadOrChange) {
    for (const mode_t mode : std::to_array<mode_t>({0644, 0640, 0604, 0444})) {
        EXPECT_EQ(exposure({mode, kMe}), "others can read this key: chmod 600 '/home/ada/my key'");
    }
    for (const mode_t mode : std::to_array<mode_t>({0620, 0602, 0622})) {
        EXPECT_EQ(exposure({mode, kMe}),
                  "others can change this key: chmod 600 '/home/ada/my key'");
    }
    for (const mode_t mode : std::to_array<mode_t>({0600, 0400, 0700, 0711})) {
        EXPECT_FALSE(exposure({mode, kMe}));
    }
}

TEST(FileExposure, AdviceFitsTheUsersRights) {
    EXPECT_EQ(exposure({0600, kOther}),
              "user 1001 can read and change this key: make a copy of your own, of mode 600");
    EXPECT_EQ(exposure({0644, 0}),
              "others can read this key: make a copy of your own, of mode 600");
    EXPECT_FALSE(exposure({0600, 0})) << "an access control list lets me";
    EXPECT_FALSE(exposure({0600, kOther}, 0)) << "root works for its owner";
    EXPECT_EQ(describe_exposure({0644, kMe}, kMe, "it", ""), "others can read it: chmod 600 it");
}

// A USB stick's files all have one mode; udisks mounts it below a folder of the user's own.
TEST(FileExposure, PrivateFolderProtectsFilesWithoutModes) {
    const FileRights on_stick{0777, kMe, false, false};
    EXPECT_FALSE(exposure(on_stick));
    const FileRights below_mnt{0777, kMe, false, true};
    EXPECT_EQ(exposure(below_mnt),
              "others can read this key: move it to a file system on which chmod 600 works");
}

}  // namespace
}  // namespace ecryptfs::base
