// SPDX-License-Identifier: Apache-2.0
//
// AES Key Wrap (RFC 3394): a key, encrypted by another.

#pragma once

#include <cstdint>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"

namespace ecryptfs::folderkey {

// `wrapping_key` has 16, 24 or 32 bytes; `key` at least two whole blocks of 8. The result is 8
// bytes longer than `key`.
base::Result<std::vector<std::uint8_t>> wrap_key(base::ByteView wrapping_key, base::ByteView key);

// kDecryptFailed for what was not wrapped by this key.
base::Result<base::SecretBytes> unwrap_key(base::ByteView wrapping_key, base::ByteView wrapped);

}  // namespace ecryptfs::folderkey
