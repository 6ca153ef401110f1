// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "lib/base/atomic_file.h"
#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace ecryptfs::cli {

// Nothing where it cannot be read. For small files of the system (/proc, /sys), without secrets.
std::string content_of(const std::filesystem::path& path);

// A text without secrets that a user wrote; nothing if there is no such file, and only then. Never
// waits, and never reads more than 1 MiB: kInvalidArgument for a FIFO, a device or what is larger.
// kAccessDenied, kInternal.
base::Result<std::optional<std::string>> read_user_file(const std::filesystem::path& path);

// base::write_atomic_file() with an error for people. kAlreadyExists, kNotFound, kAccessDenied,
// kInternal.
base::Result<void> write_whole_file(const std::string& path, base::ByteView content,
                                    base::IfThere if_there);

}  // namespace ecryptfs::cli
