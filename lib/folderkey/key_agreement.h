// SPDX-License-Identifier: Apache-2.0
//
// ECDH-ES (RFC 7518 section 4.6): a key that two parties derive from each other's keys.

#pragma once

#include <cstdint>
#include <string_view>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/pki/public_key.h"

namespace ecryptfs::folderkey {

// The Concat KDF of NIST SP 800-56A section 5.8.1 with SHA-256, for a key of at most 32 bytes.
// `algorithm` is the "alg", or of direct agreement the "enc".
base::Result<base::SecretBytes> derive_agreed_key(base::ByteView shared_secret,
                                                  std::string_view algorithm,
                                                  base::ByteView sender_info,
                                                  base::ByteView receiver_info,
                                                  std::size_t key_size);

// The sender's side: a new key of the receiver's curve, and the X coordinate that both share.
struct EphemeralAgreement {
    pki::PublicKey ephemeral_key;
    base::SecretBytes shared_secret;
};
// kInvalidArgument for a receiver's key that is none of its curve.
base::Result<EphemeralAgreement> make_agreement(const pki::PublicKey& receiver);

}  // namespace ecryptfs::folderkey
