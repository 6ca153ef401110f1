// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cli/lower_file.h"
#include "lib/base/error.h"
#include "lib/lower/file_key.h"

namespace ecryptfs::cli {

// A part of a file's contents, bytes from its beginning.
struct FileRange {
    std::uint64_t first;
    std::uint64_t size;
};

// Decrypts contents, up to a mebibyte at a time, into an empty file. Zeros become holes. Gives what
// is lost, in its order: what cannot be read, and where there are zeros in the place of encrypted
// data, which the kernel never writes, both holes in the output; and what the lower file ends
// before, where the output ends too. An error is one of the output, or kNotSupported. `wrote` is
// told how many bytes are done.
base::Result<std::vector<FileRange>> decrypt_contents(
    const LowerFile& file, const lower::FileKey& key, int output,
    const std::function<void(std::uint64_t)>& wrote);

// "4096 of its 12288 bytes are lost, from byte 8192"
std::string losses_in_words(const std::vector<FileRange>& lost, std::uint64_t size);

}  // namespace ecryptfs::cli
