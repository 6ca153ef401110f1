// SPDX-License-Identifier: Apache-2.0

#include "lib/keyring/passphrase_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "lib/base/try.h"
#include "lib/keyring/keyrings.h"
#include "lib/wire/auth_token.h"

namespace ecryptfs::keyring {
namespace {

using base::ErrorCode;
using base::Result;
using base::SecretBytes;

Result<PassphraseKey> parse_token(base::ByteView payload, const wire::KeySignature& signature) {
    const auto token = TRY(wire::parse_auth_token(payload));
    const auto* held = std::get_if<wire::PassphraseToken>(&token);
    if (held == nullptr) {
        return std::unexpected(base::Error{
            ErrorCode::kNotSupported,
            fmt::format("key {} is a private key, not a passphrase's", signature.text())});
    }
    if (held->signature != signature) {
        return std::unexpected(
            base::Error{ErrorCode::kInvalidToken,
                        fmt::format("the token {} is of another key", signature.text())});
    }
    auto key = TRY(SecretBytes::copy(held->fekek));
    PassphraseKey found{std::move(key)};
    std::ranges::copy(held->salt, found.salt.begin());
    return found;
}

Result<PassphraseKey> read_placed_key(Keyring place, const wire::KeySignature& signature) {
    const auto keyring = TRY(find_keyring(place));
    const auto token = TRY(find_token(keyring, signature));
    const auto payload = TRY(read_token(token));
    return parse_token(payload.view(), signature);
}

}  // namespace

Result<PassphraseKey> read_passphrase_key(const wire::KeySignature& signature) {
    auto key = read_placed_key(Keyring::kUser, signature);
    return key ? std::move(key) : read_placed_key(Keyring::kSession, signature);
}

SecretBytes find_passphrase_key(const wire::KeySignature& signature) {
    auto found = read_passphrase_key(signature);
    return found ? std::move(found->key) : SecretBytes();
}

}  // namespace ecryptfs::keyring
