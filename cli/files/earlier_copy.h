// SPDX-License-Identifier: Apache-2.0
//
// Whether an earlier run has made this in the output. False if there is nothing of that name;
// kAlreadyExists if it is something else.

#pragma once

#include <cstdint>
#include <ctime>
#include <string>

#include "lib/base/error.h"

namespace ecryptfs::cli {

// A file of this size and time, as exactly as the file system there keeps times.
base::Result<bool> is_copy(int folder, const std::string& name, std::uint64_t size,
                           const timespec& time);
base::Result<bool> is_folder(int folder, const std::string& name);

// Whether a file system could have rounded `time` to `kept`: FAT's times are in steps of two
// seconds. Pure.
bool is_kept_time(const timespec& kept, const timespec& time);

}  // namespace ecryptfs::cli
