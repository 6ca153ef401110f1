// SPDX-License-Identifier: Apache-2.0
//
// Whether what is in the output was made there by an earlier run. False: there is nothing;
// kAlreadyExists: something else is there.

#pragma once

#include <cstdint>
#include <ctime>
#include <string>

#include "lib/base/error.h"

namespace ecryptfs::cli {

// A file of this size and time, which is as exact as the file system there keeps times.
base::Result<bool> is_copy(int folder, const std::string& name, std::uint64_t size,
                           const timespec& time);
base::Result<bool> is_folder(int folder, const std::string& name);

// Whether a file system that keeps times in steps of up to two seconds, as FAT, could have made
// `kept` of `time`. Pure.
bool is_kept_time(const timespec& kept, const timespec& time);

}  // namespace ecryptfs::cli
