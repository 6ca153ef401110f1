// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "lib/base/secret_bytes.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::keyring {

// The 64 bytes of a FEKEK or FNEK, from a passphrase token in the user's or the session's keyring.
// Empty if there is none.
base::SecretBytes find_passphrase_key(const wire::KeySignature& signature);

}  // namespace ecryptfs::keyring
