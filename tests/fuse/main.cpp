// SPDX-License-Identifier: Apache-2.0

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <keyutils.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tests/fakes/memory_searcher.h"

// The keys of these tests are in a session keyring that goes with them, and root's mounts where no
// other test sees them.
int main(int argc, char** argv) {
    ecryptfs::test::start_memory_searcher();
    if (::keyctl_join_session_keyring(nullptr) < 0) {
        return 1;
    }
    if (::geteuid() == 0 && (::unshare(CLONE_NEWNS) != 0 ||
                             ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)) {
        return 1;
    }
    ::testing::InitGoogleMock(&argc, argv);
    return RUN_ALL_TESTS();
}
