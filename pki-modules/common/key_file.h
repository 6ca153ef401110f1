// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"

namespace ecryptfs::module {

// No file with a single key is larger.
inline constexpr std::size_t kMaxKeyFileSize = 65536;

struct KeyFile {
    base::SecretBytes contents;  // at least one byte
    // Who else can read the file, and what to do: one line. Matters for a key without a secret.
    std::optional<std::string> exposure;
};

// Reads the regular file `path` into locked memory. Never waits for a FIFO or a device. `subject`
// names what others could read, for KeyFile::exposure. kNotFound, kAccessDenied; kInvalidKey for
// anything that cannot be a key file.
base::Result<KeyFile> read_key_file(const std::string& path, std::string_view subject);

}  // namespace ecryptfs::module
