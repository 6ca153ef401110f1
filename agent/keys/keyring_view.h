// SPDX-License-Identifier: Apache-2.0
//
// What the keyring says of keys. Only refresh() and refresh_list() ask it.

#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "agent/keys/seen_token.h"
#include "agent/keys/token_store.h"
#include "lib/base/error.h"
#include "lib/keyring/key_serial.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::agent {

class KeyringView {
  public:
    // The key's private-key token. The view of its blob ends with wipe(), which must follow: no
    // copy of a token is kept, as it may hold a passphrase. `turn` is the loop's.
    base::Result<SeenToken> refresh(const wire::KeySignature& signature, std::uint64_t turn);
    void wipe() { store_.wipe(); }
    void refresh_list() { signatures_ = store_.list(); }

    // A token that refresh() would not find without its number.
    base::Result<void> announce(const wire::KeySignature& signature, keyring::KeySerial serial);
    void forget(const wire::KeySignature& signature);

    // Whether refresh() found the token in this turn.
    bool is_current(const wire::KeySignature& signature, std::uint64_t turn) const;
    // Of the private-key tokens in the user keyring, at the last refresh_list().
    const std::vector<wire::KeySignature>& signatures() const { return signatures_; }

  private:
    base::Result<SeenToken> read(const wire::KeySignature& signature);

    TokenStore store_;
    std::unordered_map<wire::KeySignature, std::uint64_t> last_turns_;  // that found the token
    std::vector<wire::KeySignature> signatures_;
};

}  // namespace ecryptfs::agent
