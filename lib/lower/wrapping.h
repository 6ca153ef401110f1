// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/lower/wrapped_passphrase.h"

namespace ecryptfs::lower {

// AES-128 in ECB, under the first 16 bytes of the wrapping passphrase's derived key. kWrongSecret
// if the signature is not the wrapping passphrase's, kMalformed if nothing comes out.
base::Result<base::SecretBytes> unwrap_passphrase(const WrappedPassphrase& wrapped,
                                                  base::ByteView wrapping_passphrase);

// With a fresh salt. kInvalidArgument for passphrases of no or more than 64 bytes, and for one with
// a NUL in it, which would end it.
base::Result<WrappedPassphrase> wrap_passphrase(base::ByteView passphrase,
                                                base::ByteView wrapping_passphrase);

}  // namespace ecryptfs::lower
