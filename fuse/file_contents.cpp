// SPDX-License-Identifier: Apache-2.0

#include "fuse/file_contents.h"

#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "lib/base/try.h"
#include "lib/lower/extent_offsets.h"
#include "lib/lower/header_writer.h"

namespace ecryptfs::fuse {
namespace {

using base::ByteSpan;
using base::ByteView;
using lower::kExtentSize;

// What is encrypted in one go.
constexpr std::size_t kPiece = std::size_t{1} << 20;
// loff_t's, with room for the header in front.
constexpr std::uint64_t kLargestFile = std::numeric_limits<std::int64_t>::max() - (1U << 20);

off_t to_off(std::uint64_t offset) {
    return static_cast<off_t>(offset);
}

Outcome<std::size_t> read_at(int fd, std::uint64_t offset, ByteSpan bytes) {
    std::size_t done = 0;
    while (done < bytes.size()) {
        const auto count =
            ::pread(fd, bytes.data() + done, bytes.size() - done, to_off(offset + done));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return failed_call();
        }
        if (count == 0) {
            break;
        }
        done += static_cast<std::size_t>(count);
    }
    return done;
}

Outcome<void> write_at(int fd, std::uint64_t offset, ByteView bytes) {
    while (!bytes.empty()) {
        const auto count = ::pwrite(fd, bytes.data(), bytes.size(), to_off(offset));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return count == 0 ? std::unexpected(ENOSPC) : failed_call();
        }
        bytes = bytes.subspan(static_cast<std::size_t>(count));
        offset += static_cast<std::uint64_t>(count);
    }
    return {};
}

bool is_zero(ByteView bytes) {
    return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace

Outcome<FileContents> FileContents::open(base::UniqueFd fd, const ContentsPlace& place,
                                         std::uint64_t plain_size, lower::ExtentCipher extents) {
    struct stat status{};
    if (::fstat(fd.get(), &status) != 0) {
        return failed_call();
    }
    const auto lower_size = static_cast<std::uint64_t>(status.st_size);
    const auto whole = lower_size - std::min(lower_size, place.data_offset);
    FileContents contents(std::move(fd), place, std::move(extents));
    contents.size_ = std::min(plain_size, whole / kExtentSize * kExtentSize);
    return contents;
}

Outcome<ByteView> FileContents::read(std::uint64_t offset, std::size_t size) {
    if (offset >= size_) {
        return ByteView{};
    }
    const auto end = offset + std::min<std::uint64_t>(size, size_ - offset);
    const auto first = lower::extent_number(offset);
    const auto start = lower::plain_offset_of_extent(first);
    buffer_.resize(static_cast<std::size_t>(lower::encrypted_size(end) - start));
    TRY(read_extents(first, buffer_));
    return ByteView(buffer_).subspan(lower::offset_in_extent(offset),
                                     static_cast<std::size_t>(end - offset));
}

Outcome<void> FileContents::read_extents(std::uint64_t first, ByteSpan extents) {
    const auto count =
        TRY(read_at(fd_.get(), lower::lower_offset_of_extent(place_.data_offset, first), extents));
    if (count != extents.size()) {
        return std::unexpected(EIO);  // somebody cut the lower file
    }
    for (std::size_t at = 0; at < extents.size(); at += kExtentSize) {
        if (is_zero(extents.subspan(at, kExtentSize))) {
            return std::unexpected(EIO);
        }
    }
    return to_outcome(extents_.decrypt(first, extents));
}

// Encrypts in place.
Outcome<void> FileContents::write_extents(std::uint64_t first, ByteSpan extents) {
    TRY(to_outcome(extents_.encrypt(first, extents)));
    return write_at(fd_.get(), lower::lower_offset_of_extent(place_.data_offset, first), extents);
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
    if (offset > size_) {
        TRY(fill_with_zeros(offset));
    }
    while (!bytes.empty()) {
        // Up to the end of an extent: only the first and the last piece have edges.
        const auto part =
            bytes.first(std::min(bytes.size(), kPiece - lower::offset_in_extent(offset)));
        TRY(write_within(offset, part));
        offset += part.size();
        bytes = bytes.subspan(part.size());
        if (offset > size_) {
            TRY(store_size(offset));
        }
    }
    return {};
}

// A piece of which the file has all that is in front of it.
Outcome<void> FileContents::write_within(std::uint64_t offset, ByteView bytes) {
    const auto first = lower::extent_number(offset);
    const auto end = offset + bytes.size();
    const auto last = lower::extent_number(end - 1);
    buffer_.resize(static_cast<std::size_t>((last - first + 1) * kExtentSize));
    const ByteSpan plain(buffer_);
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
    const bool is_new_edge = keeps_end && end >= size_;
    if (is_new_edge) {
        std::ranges::copy(plain.last(kExtentSize), edge_bytes_.begin());
    }
    TRY(write_extents(first, plain));
    if (is_new_edge) {
        edge_ = last;
    }
    return {};
}

// The extent of the end has zeros behind it already: what is new are whole extents of zeros, in
// pieces whose size is stored as they come, so that a crash leaves no gap.
Outcome<void> FileContents::fill_with_zeros(std::uint64_t end) {
    auto at = lower::encrypted_size(size_);
    while (at < end) {
        const auto size = std::min<std::uint64_t>(lower::encrypted_size(end) - at, kPiece);
        buffer_.assign(static_cast<std::size_t>(size), 0);
        TRY(write_extents(lower::extent_number(at), buffer_));
        at += size;
        TRY(store_size(std::min(at, end)));
    }
    return end > size_ ? store_size(end) : Outcome<void>();
}

Outcome<void> FileContents::resize(std::uint64_t size) {
    if (size > kLargestFile) {
        return std::unexpected(EFBIG);
    }
    return size > size_ ? fill_with_zeros(size) : cut(size);
}

Outcome<void> FileContents::cut(std::uint64_t size) {
    const auto kept = lower::offset_in_extent(size);
    if (kept != 0 && size < size_) {
        std::array<std::uint8_t, kExtentSize> last{};
        TRY(load_edge(lower::extent_number(size), last));
        std::ranges::fill(ByteSpan(last).subspan(kept), std::uint8_t{0});
        TRY(write_extents(lower::extent_number(size), last));
    }
    edge_.reset();
    if (size < size_) {
        TRY(store_size(size));
    }
    const auto lower_size = lower::lower_size(place_.data_offset, size);
    if (::ftruncate(fd_.get(), to_off(lower_size)) != 0) {
        return failed_call();
    }
    return {};
}

Outcome<void> FileContents::store_size(std::uint64_t size) {
    const auto field = lower::encode_plain_size(size);
    if (!place_.header_in_attribute) {
        TRY(write_at(fd_.get(), 0, field));
        size_ = size;
        return {};
    }
    std::array<std::uint8_t, lower::kMaxHeader> header;
    const auto count =
        ::fgetxattr(fd_.get(), lower::kHeaderAttribute, header.data(), header.size());
    if (count < static_cast<ssize_t>(field.size())) {
        return count < 0 ? failed_call() : std::unexpected(EIO);
    }
    std::ranges::copy(field, header.begin());
    if (::fsetxattr(fd_.get(), lower::kHeaderAttribute, header.data(),
                    static_cast<std::size_t>(count), XATTR_REPLACE) != 0) {
        return failed_call();
    }
    size_ = size;
    return {};
}

}  // namespace ecryptfs::fuse
