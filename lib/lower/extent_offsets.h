// SPDX-License-Identifier: Apache-2.0
//
// Where a byte of the plain file is in the lower file. All sizes and offsets are in bytes. What
// would not fit into 64 bits becomes the largest value that does. Pure.

#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/lower/header.h"

namespace ecryptfs::lower {

// A part of a file's contents.
struct FileRange {
    std::uint64_t first = 0;
    std::uint64_t size = 0;

    bool operator==(const FileRange&) const = default;
};

// The offset behind the range's last byte.
std::uint64_t range_end(const FileRange& range);

// What both have; a range of size 0 where they do not meet.
FileRange intersection(const FileRange& left, const FileRange& right);

// The number of the extent that holds a plain byte, and the byte's offset in that extent.
inline std::uint64_t extent_number(std::uint64_t plain_offset) {
    return plain_offset / kExtentSize;
}
inline std::size_t offset_in_extent(std::uint64_t plain_offset) {
    return static_cast<std::size_t>(plain_offset % kExtentSize);
}

// How many extents hold so many plain bytes. The last one is filled up.
std::uint64_t extent_count(std::uint64_t plain_size);

// The size of so many plain bytes when they are encrypted: whole extents.
std::uint64_t encrypted_size(std::uint64_t plain_size);

// The size of a lower file. `data_offset` is where its encrypted contents begin.
std::uint64_t lower_size(std::uint64_t data_offset, std::uint64_t plain_size);

// Where an extent begins, in the plain file and in the lower file.
std::uint64_t plain_offset_of_extent(std::uint64_t number);
std::uint64_t lower_offset_of_extent(std::uint64_t data_offset, std::uint64_t number);

// The part of a range that is in the extent of this number, as offsets in the plain file.
FileRange part_in_extent(const FileRange& range, std::uint64_t number);

}  // namespace ecryptfs::lower
