// SPDX-License-Identifier: Apache-2.0
//
// The same random operations on the mount and on a plain folder: each gives the same result.

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/fuse/mounted_folder.h"
#include "tests/support/random_operations.h"
#include "tests/support/vectors.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;

constexpr int kOperations = 4'000;
constexpr int kBetweenComparisons = 500;

TEST(RandomOperations, GiveWhatAPlainFolderGives) {
    const TemporaryFolder folder;
    const auto lower = folder.path() / "lower";
    const auto plain = folder.path() / "plain";
    fs::create_directory(lower);
    fs::create_directory(plain);
    const auto tokens = add_passphrase_tokens(kCorrectHorsePassphrase);
    MountedFolder mounted(lower, mount_options(tokens));
    test::RandomOperations operations(42);
    for (int i = 1; i <= kOperations; ++i) {
        ASSERT_EQ(carry_out(operations.next(), plain, mounted.path()), "") << i;
        if (i % kBetweenComparisons == 0) {
            ASSERT_EQ(first_difference(plain, mounted.path()), "") << i;
        }
    }
    mounted.mount_anew();
    EXPECT_EQ(first_difference(plain, mounted.path()), "");
}

}  // namespace
}  // namespace ecryptfs::test
