// SPDX-License-Identifier: Apache-2.0

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <keyutils.h>

// The keys of these tests are in a session keyring that goes with them.
int main(int argc, char** argv) {
    if (::keyctl_join_session_keyring(nullptr) < 0) {
        return 1;
    }
    ::testing::InitGoogleMock(&argc, argv);
    return RUN_ALL_TESTS();
}
