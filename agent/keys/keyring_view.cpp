// SPDX-License-Identifier: Apache-2.0

#include "agent/keys/keyring_view.h"

#include "agent/keys/key_source.h"
#include "lib/base/try.h"

namespace ecryptfs::agent {

using base::Result;
using wire::KeySignature;

Result<SeenToken> KeyringView::refresh(const KeySignature& signature, std::uint64_t turn) {
    auto token = read(signature);
    if (token) {
        last_turns_.insert_or_assign(signature, turn);
    } else {
        last_turns_.erase(signature);
    }
    return token;
}

Result<SeenToken> KeyringView::read(const KeySignature& signature) {
    const auto stored = TRY(store_.find(signature));
    const auto token = TRY(private_key_token(stored.payload, signature));
    return SeenToken{stored.serial, stored.in_user_keyring, token.pki_type, token.blob};
}

Result<void> KeyringView::announce(const KeySignature& signature, keyring::KeySerial serial) {
    const auto token = store_.find(signature);
    store_.wipe();
    return token && token->serial == serial ? Result<void>() : store_.remember(signature, serial);
}

void KeyringView::forget(const KeySignature& signature) {
    store_.forget(signature);
    last_turns_.erase(signature);
}

bool KeyringView::is_current(const KeySignature& signature, std::uint64_t turn) const {
    const auto found = last_turns_.find(signature);
    return found != last_turns_.end() && found->second == turn;
}

}  // namespace ecryptfs::agent
