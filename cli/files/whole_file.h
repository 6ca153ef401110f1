// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "lib/base/atomic_file.h"
#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace ecryptfs::cli {

// The contents of a small file of the system (/proc, /sys), without secrets. Empty if it cannot be
// read.
std::string read_system_file(const std::filesystem::path& path);

// Reads a user's text without secrets. Nothing if, and only if, there is no such file. Never waits,
// and reads 1 MiB at most: kInvalidArgument for a FIFO, a device or a larger file. kAccessDenied,
// kInternal.
base::Result<std::optional<std::string>> read_user_file(const std::filesystem::path& path);

// base::write_atomic_file() with an error for people. kAlreadyExists, kNotFound, kAccessDenied,
// kInternal.
base::Result<void> write_whole_file(const std::string& path, base::ByteView content,
                                    base::IfThere if_there);

}  // namespace ecryptfs::cli
