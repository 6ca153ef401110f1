// SPDX-License-Identifier: Apache-2.0
//
// Authentication tokens in the kernel's keyrings. Calls here are system calls that do not wait.

#pragma once

#include <cstdint>
#include <expected>
#include <istream>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/wire/auth_token.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::agent {

// Number of a key in the kernel.
using KeySerial = std::int32_t;

// A key of a keyring: where it is and what it holds. The view ends with the store's next call, and
// may hold a passphrase.
struct StoredToken {
    KeySerial serial = 0;
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
    base::Result<void> remember(const wire::KeySignature& signature, KeySerial serial);
    void forget(const wire::KeySignature& signature);

    // Wipes what was read, which ends the view of find().
    void wipe();

    // Signatures of the private-key tokens in the user keyring.
    std::vector<wire::KeySignature> list();

    // Seconds until keys expire, by serial number, as coarse as /proc/keys has it; those without an
    // end are not in it.
    static std::map<KeySerial, std::uint64_t> expiries();

  private:
    // The payload, or errno.
    std::expected<base::ByteView, int> read(KeySerial serial);

    base::SecretBytes payload_;
    std::size_t used_ = 0;  // of it, since it was wiped
    std::unordered_map<wire::KeySignature, KeySerial> remembered_;
};

// Seconds until keys expire, from the text of /proc/keys. A key whose lines differ is left out: the
// descriptions of other users' keys are in that text with their line ends, and can look like a line
// of this key.
std::map<KeySerial, std::uint64_t> parse_expiries(std::istream& proc_keys);

}  // namespace ecryptfs::agent
