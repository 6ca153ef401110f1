// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cli/files/content_output.h"
#include "lib/base/error.h"
#include "lib/lower/extent_offsets.h"
#include "lib/lower/file_key.h"
#include "lib/lowerfs/lower_file.h"

namespace ecryptfs::cli {

// Whether a copy of the same size, open for reading, has the file's contents. Compares the first
// and the last extent, if the lower file has them. An error is one of the key.
base::Result<bool> has_same_ends(const lowerfs::LowerFile& file, const lower::FileKey& key,
                                 int copy);

// The warning for a file that lowerfs::may_be_of_damaged_key() is true of.
std::string damaged_key_warning();

// The error for a file with so many bytes behind its end.
base::Error beyond_size_error(std::uint64_t bytes);

// Decrypts a part of the contents, a mebibyte at a time. Gives the ranges that are lost, in order:
// those that lowerfs::ContentReader reports, and what is missing at the end of the lower file,
// where the output ends too. An error is one of the output, or kNotSupported. Calls `wrote` with
// the number of bytes after each write.
base::Result<std::vector<lower::FileRange>> decrypt_contents(
    const lowerfs::LowerFile& file, const lower::FileKey& key, const lower::FileRange& range,
    ContentOutput& output, const std::function<void(std::uint64_t)>& wrote);

// "4096 of its 12288 bytes are lost, from byte 8192"
std::string losses_in_words(const std::vector<lower::FileRange>& lost, std::uint64_t size);

}  // namespace ecryptfs::cli
