// SPDX-License-Identifier: Apache-2.0
//
// What the keyring says of keys. Only refresh(), refresh_list() and announce() ask it, by system
// calls that do not wait.

#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "agent/keys/seen_token.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/keyring/key_serial.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::agent {

class KeyringView {
  public:
    // Links the user keyring into this process's own: without that, a process whose session
    // keyring lacks the link (as under KeyringMode=private) finds tokens but may not read them.
    KeyringView();

    // The key's private-key token: in the user keyring, or else the one that was announced.
    // kUnknownKey, kKeyExpired, kKeyRevoked, kAccessDenied or kInvalidToken if there is none of
    // use. The token's blob is a view that ends with wipe(), which must follow: it may hold a
    // passphrase. `turn` is the loop's.
    base::Result<SeenToken> refresh(const wire::KeySignature& signature, std::uint64_t turn);
    void wipe();
    void refresh_list();

    // Tells of a token that may be outside the user keyring. kInvalidToken if `serial` is no key of
    // this signature, kAccessDenied if it may not be read.
    base::Result<void> announce(const wire::KeySignature& signature, keyring::KeySerial serial);
    void forget(const wire::KeySignature& signature);

    // Whether refresh() found the token in this turn.
    bool is_current(const wire::KeySignature& signature, std::uint64_t turn) const;
    // Of the private-key tokens in the user keyring, at the last refresh_list().
    const std::vector<wire::KeySignature>& signatures() const { return signatures_; }

  private:
    base::Result<SeenToken> read(const wire::KeySignature& signature);
    base::Result<base::ByteView> read_payload(const wire::KeySignature& signature,
                                              keyring::KeySerial serial);

    base::SecretBytes payload_;
    std::size_t used_ = 0;  // of it, since it was wiped
    std::unordered_map<wire::KeySignature, keyring::KeySerial> announced_;
    std::unordered_map<wire::KeySignature, std::uint64_t> last_turns_;  // that found the token
    std::vector<wire::KeySignature> signatures_;
};

}  // namespace ecryptfs::agent
