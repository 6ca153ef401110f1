// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/lower/wrapped_passphrase.h"

namespace ecryptfs::lower {

// Decrypts by AES-128 in ECB, under the first 16 bytes of the wrapping passphrase's derived key.
// kWrongSecret if the signature is not the wrapping passphrase's, kMalformed for an empty result.
base::Result<base::SecretBytes> unwrap_passphrase(const WrappedPassphrase& wrapped,
                                                  base::ByteView wrapping_passphrase);

// Encrypts with a fresh salt. kInvalidArgument for a passphrase that is empty, longer than 64
// bytes, or has a NUL, which would end it.
base::Result<WrappedPassphrase> wrap_passphrase(base::ByteView passphrase,
                                                base::ByteView wrapping_passphrase);

}  // namespace ecryptfs::lower
