// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/lower/passphrase.h"

namespace ecryptfs::lower {

// A key of 64 bytes, with the signature that the hash of the key gives it. kInvalidArgument for
// another size.
base::Result<PassphraseKey> name_passphrase_key(base::SecretBytes key, const Salt& salt);

}  // namespace ecryptfs::lower
