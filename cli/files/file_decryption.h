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

// Whether a copy of the file's size, open for reading, has its contents. Compares the first and
// the last extent, as far as the lower file has them. An error is one of the key.
base::Result<bool> has_same_ends(const lowerfs::LowerFile& file, const lower::FileKey& key,
                                 int copy);

// Whether a key that a passphrase's packet gave may be damaged: nothing in the packet would show
// it. The kernel fills the last extent up with zeros, of which a wrong key makes noise. False where
// too few bytes are left to tell, or more extents follow, as after a crash.
bool may_be_of_damaged_key(const lowerfs::LowerFile& file, const lower::FileKey& key);

// What to say then.
std::string damaged_key_warning();

// For a file with so many bytes behind its end.
base::Error beyond_size_error(std::uint64_t bytes);

// Decrypts a part of the contents, up to a mebibyte at a time. Gives what is lost, in order: what
// lowerfs::ContentReader says, and what the lower file ends before, where the output ends too. An
// error is one of the output, or kNotSupported. `wrote` is told how many bytes were done.
base::Result<std::vector<lower::FileRange>> decrypt_contents(
    const lowerfs::LowerFile& file, const lower::FileKey& key, const lower::FileRange& range,
    ContentOutput& output, const std::function<void(std::uint64_t)>& wrote);

// "4096 of its 12288 bytes are lost, from byte 8192"
std::string losses_in_words(const std::vector<lower::FileRange>& lost, std::uint64_t size);

}  // namespace ecryptfs::cli
