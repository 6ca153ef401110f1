// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"

namespace ecryptfs::module {

// No file with one key in it is larger.
inline constexpr std::size_t kMaxKeyFileSize = 65536;

// What the regular file `path` holds, in locked memory; at least one byte. Never waits on a FIFO or
// a device. kNotFound, kAccessDenied; kInvalidKey for what cannot be a key file.
base::Result<base::SecretBytes> read_key_file(const std::string& path);

}  // namespace ecryptfs::module
