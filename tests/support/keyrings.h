// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <gtest/gtest.h>
#include <keyutils.h>

namespace ecryptfs::test {

// As after login: a session keyring that links the user keyring, which is empty.
inline void make_login_keyrings() {
    ASSERT_GT(::keyctl_join_session_keyring(nullptr), 0);
    ASSERT_EQ(::keyctl_clear(KEY_SPEC_USER_KEYRING), 0);
    ASSERT_EQ(::keyctl_link(KEY_SPEC_USER_KEYRING, KEY_SPEC_SESSION_KEYRING), 0);
}

}  // namespace ecryptfs::test
