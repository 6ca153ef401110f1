// SPDX-License-Identifier: Apache-2.0

#include "lib/lowerfs/content_reader.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/try.h"
#include "lib/base/zeros.h"
#include "lib/lower/header.h"

namespace ecryptfs::lowerfs {
namespace {

using base::ByteSpan;
using base::ByteView;
using base::Result;
using lower::FileRange;
using lower::kExtentSize;

constexpr std::size_t kLargestBlock = 16;  // of a cipher

// Fills the span; zeros for what is not there or cannot be read.
void read_or_zeros(int fd, std::uint64_t offset, ByteSpan span) {
    std::size_t filled = 0;
    while (filled < span.size()) {
        const auto count = ::pread(fd, span.data() + filled, span.size() - filled,
                                   static_cast<off_t>(offset + filled));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0 && span.size() > kExtentSize) {
            // A bad sector costs the extent that it is in, not its neighbours.
            for (std::size_t at = 0; at < span.size(); at += kExtentSize) {
                read_or_zeros(fd, offset + at, span.subspan(at, kExtentSize));
            }
            return;
        }
        if (count <= 0) {
            break;
        }
        filled += static_cast<std::size_t>(count);
    }
    std::ranges::fill(span.subspan(filled), std::uint8_t{0});
}

// How much of the contents there is, in whole cipher blocks: a damaged header's size may be
// anything.
std::uint64_t decryptable_size(const LowerFile& file) {
    const std::uint64_t data = file.lower_size() - std::min(file.lower_size(), file.data_offset());
    return data / kLargestBlock * kLargestBlock;
}

}  // namespace

FileRange whole_contents(const LowerFile& file) {
    return {0, file.header.value().plain_size};
}

FileRange contents_beyond_size(const LowerFile& file) {
    const auto first = std::min(file.header.value().plain_size, decryptable_size(file));
    return {first, decryptable_size(file) - first};
}

void append_range(std::vector<FileRange>& ranges, const FileRange& range) {
    if (!ranges.empty() && range_end(ranges.back()) == range.first) {
        ranges.back().size += range.size;
    } else {
        ranges.push_back(range);
    }
}

Result<ContentReader> ContentReader::create(const LowerFile& file, const lower::FileKey& key,
                                            std::uint64_t end) {
    auto extents = TRY(lower::ExtentCipher::create(key));
    return ContentReader(file, std::min(end, decryptable_size(file)), std::move(extents));
}

ContentReader::ContentReader(const LowerFile& file, std::uint64_t size, lower::ExtentCipher extents)
    : fd_(file.fd.get()),
      data_offset_(file.data_offset()),
      size_(size),
      extents_(std::move(extents)) {}

Result<ContentReader::Reading> ContentReader::read(std::uint64_t offset, ByteSpan out) {
    const auto wanted = lower::intersection({offset, out.size()}, {0, size_});
    Reading reading;
    while (reading.size < wanted.size) {
        const auto at = offset + reading.size;
        const auto room = out.subspan(reading.size);
        const auto left = static_cast<std::size_t>(wanted.size) - reading.size;
        const auto skipped = lower::offset_in_extent(at);
        const auto whole = std::min<std::uint64_t>(room.size(), lower::encrypted_size(left)) /
                           kExtentSize * kExtentSize;
        if (skipped == 0 && whole > 0) {
            const auto extents = room.first(static_cast<std::size_t>(whole));
            TRY(read_extents(lower::extent_number(at), extents, wanted, reading));
            reading.size += std::min(extents.size(), left);
            continue;
        }
        edge_.resize(kExtentSize);
        TRY(read_extents(lower::extent_number(at), edge_, wanted, reading));
        const auto part =
            ByteView(edge_).subspan(skipped).first(std::min(kExtentSize - skipped, left));
        std::ranges::copy(part, room.begin());
        reading.size += part.size();
    }
    return reading;
}

// Whole extents, the first of them of this number.
Result<void> ContentReader::read_extents(std::uint64_t number, ByteSpan extents,
                                         const FileRange& wanted, Reading& reading) {
    read_or_zeros(fd_, lower::lower_offset_of_extent(data_offset_, number), extents);
    for (; !extents.empty(); extents = extents.subspan(kExtentSize), ++number) {
        const auto extent = extents.first(kExtentSize);
        if (base::is_zero(extent)) {
            append_range(reading.lost, lower::part_in_extent(wanted, number));
        } else {
            TRY(extents_.decrypt(number, extent));
        }
    }
    return {};
}

}  // namespace ecryptfs::lowerfs
