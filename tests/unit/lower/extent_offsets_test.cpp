// SPDX-License-Identifier: Apache-2.0

#include "lib/lower/extent_offsets.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <vector>

namespace ecryptfs::lower {
namespace {

constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kLargestFile = std::numeric_limits<std::int64_t>::max();

// Offsets around the borders of the first extents, of 4 GiB, and of the largest file.
std::vector<std::uint64_t> telling_offsets() {
    std::vector<std::uint64_t> offsets;
    for (const std::uint64_t base :
         {std::uint64_t{0}, std::uint64_t{kExtentSize}, std::uint64_t{3 * kExtentSize},
          std::uint64_t{1} << 32, (kLargestFile / kExtentSize - 4) * kExtentSize}) {
        for (const std::uint64_t near :
             {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{kExtentSize / 2},
              std::uint64_t{kExtentSize - 1}}) {
            offsets.push_back(base + near);
        }
    }
    return offsets;
}

// What the functions say, counted byte by byte.
std::set<std::uint64_t> extents_of_bytes(const FileRange& range) {
    std::set<std::uint64_t> extents;
    for (std::uint64_t at = range.first; at < range.first + range.size; ++at) {
        extents.insert(at / kExtentSize);
    }
    return extents;
}

TEST(ExtentOffsets, EachByteLiesInItsExtent) {
    for (const auto offset : telling_offsets()) {
        const auto number = extent_number(offset);
        const auto within = offset_in_extent(offset);
        ASSERT_LT(within, kExtentSize);
        EXPECT_EQ(plain_offset_of_extent(number) + within, offset);
        for (const std::uint64_t data_offset : {0U, 8192U, 65536U}) {
            EXPECT_EQ(lower_offset_of_extent(data_offset, number) + within, data_offset + offset);
        }
    }
}

TEST(ExtentOffsets, SizesRoundUpToWholeExtents) {
    std::uint64_t count = 0;
    for (std::uint64_t size = 0; size <= 3 * kExtentSize + 1; ++size) {
        count += size % kExtentSize == 1 ? 1 : 0;  // the first byte of a further extent
        EXPECT_EQ(extent_count(size), count) << size;
        EXPECT_EQ(encrypted_size(size), count * kExtentSize) << size;
        EXPECT_EQ(lower_size(8192, size), 8192 + count * kExtentSize) << size;
    }
}

TEST(ExtentOffsets, RangesSplitAtExtents) {
    for (const auto first : telling_offsets()) {
        for (const std::uint64_t size : {1U, 4095U, 4096U, 4097U, 12289U}) {
            const FileRange range{first, size};
            std::uint64_t next = first;
            for (const auto number : extents_of_bytes(range)) {
                const auto part = part_in_extent(range, number);
                EXPECT_EQ(part.first, next);
                EXPECT_GT(part.size, 0U);
                EXPECT_EQ(extent_number(part.first), number);
                EXPECT_EQ(extent_number(range_end(part) - 1), number);
                next = range_end(part);
            }
            EXPECT_EQ(next, range_end(range));
        }
    }
}

TEST(ExtentOffsets, IntersectionIsTheSharedPart) {
    EXPECT_EQ(intersection({0, 10}, {5, 10}), (FileRange{5, 5}));
    EXPECT_EQ(intersection({5, 10}, {0, 10}), (FileRange{5, 5}));
    EXPECT_EQ(intersection({0, 100}, {20, 30}), (FileRange{20, 30}));
    EXPECT_EQ(intersection({0, 5}, {5, 5}).size, 0U);
    EXPECT_EQ(intersection({0, 5}, {9, 5}).size, 0U);
    EXPECT_EQ(intersection({9, 5}, {0, 5}).size, 0U);
}

TEST(ExtentOffsets, LargestValueDoesNotOverflow) {
    EXPECT_EQ(range_end({kLargest, 1}), kLargest);
    EXPECT_EQ(range_end({kLargest - 1, kLargest}), kLargest);
    EXPECT_EQ(extent_count(kLargest), kLargest / kExtentSize + 1);
    EXPECT_EQ(encrypted_size(kLargest), kLargest);
    EXPECT_EQ(lower_size(kLargest, 1), kLargest);
    EXPECT_EQ(lower_size(8192, kLargestFile), 8192 + kLargestFile + 1);
    EXPECT_EQ(plain_offset_of_extent(kLargest), kLargest);
    EXPECT_EQ(lower_offset_of_extent(8192, kLargest), kLargest);
    EXPECT_EQ(part_in_extent({0, kLargest}, kLargest).size, 0U);
}

}  // namespace
}  // namespace ecryptfs::lower
