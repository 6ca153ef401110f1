// SPDX-License-Identifier: Apache-2.0

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

// These tests load kernel modules, mount, fill quotas and kill: in a machine that is thrown away.
int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    if (!std::filesystem::exists("/run/vm/settings") || ::geteuid() != 0) {
        std::fputs(
            "vm_tests runs as root in the virtual machine only: ctest -L vm, or\n"
            "tests/vm/run --kernel 6.1 -- PATH/TO/vm_tests [--gtest_filter=…]\n",
            stderr);
        return 2;
    }
    // ecryptfsctl takes no other program for it: it runs as root.
    const std::filesystem::path helper = ECRYPTFS_INSTALLED_MOUNT_HELPER;
    std::filesystem::create_directories(helper.parent_path());
    std::filesystem::remove(helper);
    std::filesystem::create_symlink(ECRYPTFS_MOUNT_HELPER, helper);
    return RUN_ALL_TESTS();
}
