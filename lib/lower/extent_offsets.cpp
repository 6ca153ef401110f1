// SPDX-License-Identifier: Apache-2.0

#include "lib/lower/extent_offsets.h"

#include <algorithm>
#include <limits>

namespace ecryptfs::lower {
namespace {

constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();

std::uint64_t add(std::uint64_t left, std::uint64_t right) {
    return left > kLargest - right ? kLargest : left + right;
}

std::uint64_t size_of_extents(std::uint64_t count) {
    return count > kLargest / kExtentSize ? kLargest : count * kExtentSize;
}

}  // namespace

std::uint64_t range_end(const FileRange& range) {
    return add(range.first, range.size);
}

FileRange intersection(const FileRange& left, const FileRange& right) {
    const auto first = std::max(left.first, right.first);
    const auto end = std::min(range_end(left), range_end(right));
    return {first, end - std::min(first, end)};
}

std::uint64_t extent_count(std::uint64_t plain_size) {
    return plain_size / kExtentSize + (plain_size % kExtentSize == 0 ? 0 : 1);
}

std::uint64_t encrypted_size(std::uint64_t plain_size) {
    return size_of_extents(extent_count(plain_size));
}

std::uint64_t lower_size(std::uint64_t data_offset, std::uint64_t plain_size) {
    return add(data_offset, encrypted_size(plain_size));
}

std::uint64_t plain_offset_of_extent(std::uint64_t number) {
    return size_of_extents(number);
}

std::uint64_t lower_offset_of_extent(std::uint64_t data_offset, std::uint64_t number) {
    return add(data_offset, size_of_extents(number));
}

FileRange part_in_extent(const FileRange& range, std::uint64_t number) {
    return intersection(range, {plain_offset_of_extent(number), kExtentSize});
}

}  // namespace ecryptfs::lower
