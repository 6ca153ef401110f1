// SPDX-License-Identifier: Apache-2.0
//
// Where the agent finds a key's token: in the user keyring, or by the serial number that it was
// told. Calls here are system calls that do not wait.

#pragma once

#include <cstddef>
#include <unordered_map>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/keyring/key_serial.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::agent {

// A key of a keyring: where it is and what it holds. The view ends with the store's next call, and
// may hold a passphrase.
struct StoredToken {
    keyring::KeySerial serial;
    bool in_user_keyring = true;
    base::ByteView payload;
};

class TokenStore {
  public:
    // Links the user keyring into this process's own: without that, a process whose session
    // keyring lacks the link (as under KeyringMode=private) finds tokens but may not read them.
    TokenStore();

    // The token of `signature` in the user keyring, or else the one whose serial number was told.
    // kUnknownKey, kKeyExpired, kKeyRevoked or kAccessDenied where there is none to be had.
    base::Result<StoredToken> find(const wire::KeySignature& signature);

    // A token outside the user keyring, for find(). kInvalidToken if `serial` is no key of this
    // signature, kAccessDenied if it may not be read.
    base::Result<void> remember(const wire::KeySignature& signature, keyring::KeySerial serial);
    void forget(const wire::KeySignature& signature);

    // Wipes what was read, which ends the view of find().
    void wipe();

    // Signatures of the private-key tokens in the user keyring.
    static std::vector<wire::KeySignature> list();

  private:
    base::Result<base::ByteView> read(keyring::KeySerial serial);

    base::SecretBytes payload_;
    std::size_t used_ = 0;  // of it, since it was wiped
    std::unordered_map<wire::KeySignature, keyring::KeySerial> remembered_;
};

}  // namespace ecryptfs::agent
