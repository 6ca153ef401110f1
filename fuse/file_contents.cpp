// SPDX-License-Identifier: Apache-2.0

#include "fuse/file_contents.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "fuse/interruption.h"
#include "fuse/plain_memory.h"
#include "lib/base/file_io.h"
#include "lib/base/try.h"
#include "lib/base/zeros.h"
#include "lib/lower/extent_offsets.h"
#include "lib/lower/header_writer.h"

namespace ecryptfs::fuse {
namespace {

using base::ByteSpan;
using base::ByteView;
using lower::kExtentSize;

// What is encrypted in one go: enough for all lanes, and it stays in a processor's cache.
constexpr std::size_t kPiece = std::size_t{128} << 10;
// loff_t's, with room for the header in front.
constexpr std::uint64_t kLargestFile = std::numeric_limits<std::int64_t>::max() - (1U << 20);

off_t to_off(std::uint64_t offset) {
    return static_cast<off_t>(offset);
}

ByteSpan scratch(std::size_t size) {
    return plain_memory(PlainUse::kContents, size);
}

// What goes to the lower file, while `scratch` has the plain text.
ByteSpan encrypted_scratch(std::size_t size) {
    return plain_memory(PlainUse::kEncrypted, size);
}

Outcome<std::size_t> read_at(int fd, std::uint64_t offset, ByteSpan bytes) {
    const auto count = base::read_at(fd, offset, bytes);
    return count ? Outcome<std::size_t>(*count) : failed_call();
}

Outcome<void> write_at(int fd, std::uint64_t offset, ByteView bytes) {
    return base::write_at(fd, offset, bytes) ? Outcome<void>() : failed_call();
}

// Zeros take as much room below as anything: asking for more of them than there is room must not
// fill the disk first.
Outcome<void> check_room(int fd, std::uint64_t growth) {
    struct statvfs below{};
    const bool is_known =
        growth > FileContents::kQuickGrowth && ::fstatvfs(fd, &below) == 0 && below.f_blocks != 0;
    if (is_known && growth / below.f_frsize > below.f_bfree) {
        return std::unexpected(ENOSPC);
    }
    return {};
}

}  // namespace

FileContents::~FileContents() {
    ::explicit_bzero(edge_bytes_.data(), edge_bytes_.size());
}

FileContents::FileContents(const base::UniqueFd& fd, const ContentsPlace& place,
                           const ContentsSizes& sizes, lower::ExtentCipher extents)
    : fd_(fd.get()), place_(place), extents_(std::move(extents)) {
    const auto whole = sizes.lower - std::min(sizes.lower, place.data_offset);
    size_ = std::min(sizes.plain, whole / kExtentSize * kExtentSize);
}

Outcome<ByteView> FileContents::read(std::uint64_t offset, std::size_t size) {
    if (offset >= size_) {
        return ByteView{};
    }
    const auto end = offset + std::min<std::uint64_t>(size, size_ - offset);
    const auto first = lower::extent_number(offset);
    const auto start = lower::plain_offset_of_extent(first);
    const auto extents = scratch(static_cast<std::size_t>(lower::encrypted_size(end) - start));
    TRY(read_extents(first, extents));
    return ByteView(extents).subspan(lower::offset_in_extent(offset),
                                     static_cast<std::size_t>(end - offset));
}

Outcome<void> FileContents::read_extents(std::uint64_t first, ByteSpan extents) {
    const auto count =
        TRY(read_at(fd_, lower::lower_offset_of_extent(place_.data_offset, first), extents));
    if (count != extents.size()) {
        return std::unexpected(EIO);  // somebody cut the lower file
    }
    for (std::size_t at = 0; at < extents.size(); at += kExtentSize) {
        if (base::is_zero(extents.subspan(at, kExtentSize))) {
            return std::unexpected(EIO);
        }
    }
    return to_outcome(extents_.decrypt(first, extents));
}

Outcome<void> FileContents::write_extents(std::uint64_t first, ByteView plain) {
    const auto encrypted = encrypted_scratch(plain.size());
    TRY(to_outcome(extents_.encrypt(first, plain, encrypted)));
    return write_at(fd_, lower::lower_offset_of_extent(place_.data_offset, first), encrypted);
}

// What an extent holds of which a part is kept; zeros where the file has not come to.
Outcome<void> FileContents::load_edge(std::uint64_t extent, ByteSpan plain) {
    if (edge_ == extent) {
        std::ranges::copy(edge_bytes_, plain.begin());
        return {};
    }
    if (lower::plain_offset_of_extent(extent) >= size_) {
        std::ranges::fill(plain, std::uint8_t{0});
        return {};
    }
    return read_extents(extent, plain);
}

Outcome<void> FileContents::write(std::uint64_t offset, ByteView bytes) {
    if (offset > kLargestFile || bytes.size() > kLargestFile - offset) {
        return std::unexpected(EFBIG);
    }
    was_written_ = true;
    if (offset > size_) {
        TRY(fill_with_zeros(offset));
    }
    while (!bytes.empty()) {
        // Up to the end of an extent: only the first and the last piece have edges.
        const auto part =
            bytes.first(std::min(bytes.size(), kPiece - lower::offset_in_extent(offset)));
        const bool is_whole =
            lower::offset_in_extent(offset) == 0 && part.size() % kExtentSize == 0;
        TRY(is_whole ? write_whole(offset, part) : write_within(offset, part));
        offset += part.size();
        bytes = bytes.subspan(part.size());
        if (offset > size_) {
            TRY(store_size(offset));
        }
    }
    return {};
}

// Whole extents go from the caller's memory to the lower file without a copy of the plain text.
Outcome<void> FileContents::write_whole(std::uint64_t offset, ByteView bytes) {
    const auto first = lower::extent_number(offset);
    if (edge_ && *edge_ >= first && *edge_ < first + bytes.size() / kExtentSize) {
        edge_.reset();
    }
    return write_extents(first, bytes);
}

// A piece of which the file has all that is in front of it.
Outcome<void> FileContents::write_within(std::uint64_t offset, ByteView bytes) {
    const auto first = lower::extent_number(offset);
    const auto end = offset + bytes.size();
    const auto last = lower::extent_number(end - 1);
    const auto plain = scratch(static_cast<std::size_t>((last - first + 1) * kExtentSize));
    const auto skipped = lower::offset_in_extent(offset);
    const bool keeps_start = skipped != 0;
    const bool keeps_end = lower::offset_in_extent(end) != 0;
    if (keeps_start) {
        TRY(load_edge(first, plain.first(kExtentSize)));
    }
    if (keeps_end && !(keeps_start && first == last)) {
        TRY(load_edge(last, plain.last(kExtentSize)));
    }
    std::ranges::copy(bytes, plain.subspan(skipped).begin());
    edge_.reset();
    TRY(write_extents(first, plain));
    if (keeps_end && end >= size_) {
        std::ranges::copy(plain.last(kExtentSize), edge_bytes_.begin());
        edge_ = last;
    }
    return {};
}

// Nobody may see a part of it who asked for all: what fails leaves the file as it was.
Outcome<void> FileContents::fill_with_zeros(std::uint64_t end) {
    const auto before = size_;
    const auto new_extents = lower::encrypted_size(end) - lower::encrypted_size(before);
    TRY(check_room(fd_, new_extents));
    auto filled = append_zeros(end);
    if (!filled) {
        static_cast<void>(cut(before));  // the first error is the one to report
    }
    return filled;
}

// The extent of the end has zeros behind it already: what is new are whole extents of zeros, in
// pieces whose size is stored as they come, so that a crash leaves no gap.
Outcome<void> FileContents::append_zeros(std::uint64_t end) {
    auto at = lower::encrypted_size(size_);
    const bool is_quick = end - size_ <= kQuickGrowth;
    while (at < end) {
        if (!is_quick && is_interrupted()) {
            return std::unexpected(EINTR);
        }
        const auto size = std::min<std::uint64_t>(lower::encrypted_size(end) - at, kPiece);
        const auto zeros = scratch(static_cast<std::size_t>(size));
        std::ranges::fill(zeros, std::uint8_t{0});
        TRY(write_extents(lower::extent_number(at), zeros));
        at += size;
        TRY(store_size(std::min(at, end)));
    }
    return end > size_ ? store_size(end) : Outcome<void>();
}

Outcome<void> FileContents::resize(std::uint64_t size) {
    if (size > kLargestFile) {
        return std::unexpected(EFBIG);
    }
    was_written_ = true;
    return size > size_ ? fill_with_zeros(size) : cut(size);
}

Outcome<void> FileContents::cut(std::uint64_t size) {
    const auto kept = lower::offset_in_extent(size);
    if (kept != 0 && size < size_) {
        std::array<std::uint8_t, kExtentSize> last{};
        TRY(load_edge(lower::extent_number(size), last));
        std::ranges::fill(ByteSpan(last).subspan(kept), std::uint8_t{0});
        const auto written = write_extents(lower::extent_number(size), last);
        ::explicit_bzero(last.data(), last.size());
        TRY(written);
    }
    edge_.reset();
    if (size < size_) {
        TRY(store_size(size));
    }
    const auto lower_size = lower::lower_size(place_.data_offset, size);
    if (::ftruncate(fd_, to_off(lower_size)) != 0) {
        return failed_call();
    }
    return {};
}

Outcome<void> FileContents::store_size(std::uint64_t size) {
    const auto field = lower::encode_plain_size(size);
    if (!place_.header_in_attribute) {
        TRY(write_at(fd_, 0, field));
        size_ = size;
        return {};
    }
    std::array<std::uint8_t, lower::kMaxHeader> header;
    const auto count = ::fgetxattr(fd_, lower::kHeaderAttribute, header.data(), header.size());
    if (count < static_cast<ssize_t>(field.size())) {
        return count < 0 ? failed_call() : std::unexpected(EIO);
    }
    std::ranges::copy(field, header.begin());
    if (::fsetxattr(fd_, lower::kHeaderAttribute, header.data(), static_cast<std::size_t>(count),
                    XATTR_REPLACE) != 0) {
        return failed_call();
    }
    size_ = size;
    return {};
}

}  // namespace ecryptfs::fuse
