// SPDX-License-Identifier: Apache-2.0

#include "lib/keyring/passphrase_key.h"

#include <utility>
#include <variant>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/try.h"
#include "lib/keyring/keyrings.h"
#include "lib/wire/auth_token.h"

namespace ecryptfs::keyring {
namespace {

using base::Result;
using base::SecretBytes;

Result<SecretBytes> read_passphrase_key(KeySerial token, const wire::KeySignature& signature) {
    const auto payload = TRY(read_token(token));
    const auto parsed = TRY(wire::parse_auth_token(payload.view()));
    const auto* held = std::get_if<wire::PassphraseToken>(&parsed);
    return held != nullptr && held->signature == signature ? SecretBytes::copy(held->fekek)
                                                           : SecretBytes();
}

}  // namespace

SecretBytes find_passphrase_key(const wire::KeySignature& signature) {
    for (const Keyring keyring : {Keyring::kUser, Keyring::kSession}) {
        const auto serial = find_keyring(keyring);
        const auto tokens = serial ? list_tokens(*serial, signature)
                                   : Result<std::vector<KeySerial>>(std::vector<KeySerial>());
        for (const KeySerial token : tokens.value_or(std::vector<KeySerial>())) {
            auto key = read_passphrase_key(token, signature);
            if (key && !key->empty()) {
                return std::move(*key);
            }
        }
    }
    return {};
}

}  // namespace ecryptfs::keyring
