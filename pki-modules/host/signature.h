// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "lib/base/error.h"
#include "lib/pki/public_key.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::pki {

// The signature that names a key. Of an RSA key, as the kernel's eCryptfs has it: the first eight
// bytes of the SHA-1 of its OpenPGP packet. Of a key of a curve, the first eight bytes of its JWK
// thumbprint (RFC 7638, with SHA-256). kInvalidKey for numbers that are not of an RSA key of 1,024
// to 4,096 bits, and for a point that is not on its curve.
base::Result<wire::KeySignature> compute_signature(const PublicKey& key);

}  // namespace ecryptfs::pki
