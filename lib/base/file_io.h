// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "lib/base/bytes.h"

namespace ecryptfs::base {

// Reads until there is no more, or no more room; gives how much. Nothing, and errno says why.
std::optional<std::size_t> read_all(int fd, ByteSpan room);

// Writes all of it, however many calls that takes. False, and errno says why.
bool write_all(int fd, ByteView bytes);

// Gives the file `from` in a folder, or AT_FDCWD, the name `to`. False, and errno is EEXIST where
// that is taken.
bool rename_to_free_name(int folder, const char* from, const char* to);

// Has the names in a folder be on disk, where its file system can do that.
void sync_folder(const std::string& folder);

}  // namespace ecryptfs::base
