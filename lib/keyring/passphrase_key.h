// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <array>
#include <cstdint>

#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::keyring {

// A FEKEK or FNEK of 64 bytes, and the salt that it was made with, as its token has them.
struct PassphraseKey {
    base::SecretBytes key;
    std::array<std::uint8_t, 8> salt = {};
};

// Reads a passphrase's token from the user's or else the session's keyring. kUnknownKey,
// kKeyExpired, kKeyRevoked or kAccessDenied; kNotSupported for a private key's.
base::Result<PassphraseKey> read_passphrase_key(const wire::KeySignature& signature);

// Its key alone. Empty if there is none.
base::SecretBytes find_passphrase_key(const wire::KeySignature& signature);

}  // namespace ecryptfs::keyring
