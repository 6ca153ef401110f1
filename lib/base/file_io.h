// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "lib/base/bytes.h"

namespace ecryptfs::base {

// Reads until the file ends or the room is full; gives how many bytes. Nothing on failure, and
// errno says why.
std::optional<std::size_t> read_all(int fd, ByteSpan room);

// Writes all bytes, in as many calls as that takes. False on failure, and errno says why.
bool write_all(int fd, ByteView bytes);

// The same from an offset on. No room on the disk is a failure with ENOSPC.
std::optional<std::size_t> read_at(int fd, std::uint64_t offset, ByteSpan room);
bool write_at(int fd, std::uint64_t offset, ByteView bytes);

// Renames `from` to `to` in a folder, or AT_FDCWD, and replaces nothing. False on failure, and
// errno says why: EEXIST where `to` is taken.
bool rename_to_free_name(int folder, const char* from, const char* to);

// Flushes a folder's entries to disk, if its file system supports it.
void sync_folder(const std::string& folder);

}  // namespace ecryptfs::base
