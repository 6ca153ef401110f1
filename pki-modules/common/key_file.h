// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"

namespace ecryptfs::module {

// No file with one key in it is larger.
inline constexpr std::size_t kMaxKeyFileSize = 65536;

struct KeyFile {
    base::SecretBytes contents;  // at least one byte
    // For a key that needs no secret: to whom else the file is open, and what to do; one line.
    std::optional<std::string> exposure;
};

// What the regular file `path` holds, in locked memory. Never waits on a FIFO or a device.
// `subject`: what others could read, for KeyFile::exposure. kNotFound, kAccessDenied; kInvalidKey
// for what cannot be a key file.
base::Result<KeyFile> read_key_file(const std::string& path, std::string_view subject);

}  // namespace ecryptfs::module
