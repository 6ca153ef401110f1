// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "lib/base/error.h"
#include "lib/pki/module.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::pki {

// The signature that names a key in the kernel: the first eight bytes of the SHA-1 of its OpenPGP
// packet. kInvalidKey for numbers that are not of an RSA key of 1,024 to 4,096 bits.
base::Result<wire::KeySignature> compute_signature(const KeyDescription& key);

}  // namespace ecryptfs::pki
