// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "lib/base/bytes.h"
#include "lib/keyring/key_serial.h"
#include "lib/wire/auth_token.h"

namespace ecryptfs::agent {

// What the keyring says of a key. The blob may hold a passphrase, and is a view.
struct SeenToken {
    keyring::KeySerial serial;
    bool in_user_keyring = true;
    wire::PkiType pki_type;
    base::ByteView blob;
};

}  // namespace ecryptfs::agent
