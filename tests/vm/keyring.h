// SPDX-License-Identifier: Apache-2.0
//
// Keys in a user's keyrings, as other programs put, see and spoil them. All fail the test on an
// error.

#pragma once

#include <string>

#include "tests/vm/user_session.h"

namespace ecryptfs::vm {

// tests/vectors/NAME.authtok.SIGNATURE into the user keyring, as ecryptfs-utils does it.
void load_token(const UserSession& session, const std::string& name, const std::string& signature);

// What `keyctl read` shows of a key that the session finds.
std::string payload(const UserSession& session, const std::string& signature);
bool is_in_user_keyring(const UserSession& session, const std::string& signature);
void revoke(const UserSession& session, const std::string& signature);
// From the user keyring.
void unlink_key(const UserSession& session, const std::string& signature);

// Adds keys to the user keyring until the user may have no more.
void fill_quota(const UserSession& session);
void remove_fillers(const UserSession& session);

}  // namespace ecryptfs::vm
