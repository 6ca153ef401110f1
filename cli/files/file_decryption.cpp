// SPDX-License-Identifier: Apache-2.0

#include "cli/files/file_decryption.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "cli/files/file_error.h"
#include "lib/base/file_io.h"
#include "lib/base/try.h"
#include "lib/lower/extents.h"

namespace ecryptfs::cli {
namespace {

using base::ByteSpan;
using base::ByteView;
using base::Result;
using lower::kExtentSize;

constexpr std::size_t kChunk = 256 * kExtentSize;
constexpr std::size_t kLargestBlock = 16;  // of a cipher

bool is_zero(ByteView bytes) {
    return bytes.empty() || (bytes.front() == 0 &&
                             std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

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

Result<void> write_at(int fd, std::uint64_t offset, ByteView bytes) {
    while (!bytes.empty()) {
        const auto count = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return std::unexpected(file_error("writing", errno));
        }
        bytes = bytes.subspan(static_cast<std::size_t>(count));
        offset += static_cast<std::uint64_t>(count);
    }
    return {};
}

// Writes all but the extents that are zero.
Result<void> write_sparsely(int fd, std::uint64_t offset, ByteView bytes) {
    std::size_t start = 0;  // of what has to be written
    for (std::size_t at = 0; at < bytes.size(); at += kExtentSize) {
        const auto extent = bytes.subspan(at, std::min(kExtentSize, bytes.size() - at));
        if (!is_zero(extent)) {
            continue;
        }
        TRY(write_at(fd, offset + start, bytes.subspan(start, at - start)));
        start = at + extent.size();
    }
    return write_at(fd, offset + start, bytes.subspan(start));
}

void add_range(std::vector<FileRange>& ranges, FileRange range) {
    if (!ranges.empty() && ranges.back().first + ranges.back().size == range.first) {
        ranges.back().size += range.size;
    } else {
        ranges.push_back(range);
    }
}

std::uint64_t end_of(const FileRange& range) {
    return range.first + range.size;
}

// Decrypts the extents that are there, in place; `offset` is the first one's in the plaintext.
Result<void> decrypt_chunk(lower::Extents& extents, std::uint64_t offset, ByteSpan chunk,
                           const FileRange& range, std::vector<FileRange>& lost) {
    for (std::size_t at = 0; at < chunk.size(); at += kExtentSize) {
        const auto extent = chunk.subspan(at, kExtentSize);
        const std::uint64_t first = offset + at;
        if (is_zero(extent)) {
            const auto begin = std::max(first, range.first);
            add_range(lost, {begin, std::min(first + kExtentSize, end_of(range)) - begin});
        } else {
            TRY(extents.decrypt(first / kExtentSize, extent));
        }
    }
    return {};
}

std::uint64_t whole_extents(std::uint64_t size) {
    return (size + kExtentSize - 1) / kExtentSize * kExtentSize;
}

// Up to where there is encrypted data, in whole cipher blocks: a damaged size may be anything.
std::uint64_t decryptable_size(const lowerfs::LowerFile& file) {
    const std::uint64_t data = file.lower_size() - std::min(file.lower_size(), file.data_offset());
    return data / kLargestBlock * kLargestBlock;
}

}  // namespace

Result<void> FileOutput::write(std::uint64_t offset, ByteView bytes) {
    return write_sparsely(fd_, offset, bytes);
}

Result<void> FileOutput::finish(std::uint64_t size) {
    return ::ftruncate(fd_, static_cast<off_t>(size)) == 0
               ? Result<void>()
               : std::unexpected(file_error("writing", errno));
}

Result<void> StreamOutput::write(std::uint64_t, ByteView bytes) {
    return base::write_all(fd_, bytes) ? Result<void>()
                                       : std::unexpected(file_error("writing", errno));
}

FileRange whole_contents(const lowerfs::LowerFile& file) {
    return {0, file.header.value().plain_size};
}

FileRange contents_beyond_size(const lowerfs::LowerFile& file) {
    const auto first = std::min(file.header.value().plain_size, decryptable_size(file));
    return {first, decryptable_size(file) - first};
}

Result<bool> has_same_ends(const lowerfs::LowerFile& file, const lower::FileKey& key, int copy) {
    auto extents = TRY(lower::Extents::create(key));
    const std::uint64_t size = std::min(file.header.value().plain_size, decryptable_size(file));
    const std::uint64_t last = size == 0 ? 0 : (size - 1) / kExtentSize * kExtentSize;
    for (const auto offset : {std::uint64_t{0}, last}) {
        std::vector<std::uint8_t> extent(kExtentSize);
        read_or_zeros(file.fd.get(), file.data_offset() + offset, extent);
        if (is_zero(extent)) {
            continue;  // lost in the lower file
        }
        TRY(extents.decrypt(offset / kExtentSize, extent));
        std::vector<std::uint8_t> copied(
            std::min<std::uint64_t>(kExtentSize, size - std::min(size, offset)));
        read_or_zeros(copy, offset, copied);
        if (!std::ranges::equal(copied, ByteView(extent).first(copied.size()))) {
            return false;
        }
    }
    return true;
}

bool may_be_of_damaged_key(const LowerFile& file, const lower::FileKey& key) {
    constexpr std::size_t kEnoughToTell = 32;
    constexpr std::size_t kZerosInNoise = 16;  // of noise one byte in 256 is zero; here one in 16
    const auto& header = file.header.value();
    const auto by_passphrase = [](const lower::KeyPacket& packet) {
        return packet.kind == lower::PacketKind::kPassphrase;
    };
    const std::uint64_t size = header.plain_size;
    const std::uint64_t last = size / kExtentSize * kExtentSize;
    if (size == last || whole_extents(size) != decryptable_size(file) ||
        std::ranges::none_of(header.packets, by_passphrase)) {
        return false;
    }
    std::vector<std::uint8_t> extent(kExtentSize);
    read_or_zeros(file.fd.get(), file.data_offset() + last, extent);
    auto extents = lower::Extents::create(key);
    if (is_zero(extent) || !extents || !extents->decrypt(last / kExtentSize, extent)) {
        return false;
    }
    const auto behind = ByteView(extent).subspan(size - last);
    return behind.size() >= kEnoughToTell &&
           static_cast<std::size_t>(std::ranges::count(behind, std::uint8_t{0})) <
               behind.size() / kZerosInNoise;
}

std::string damaged_key_warning() {
    return "there is noise behind its end, where eCryptfs writes zeros: the file key in its packet "
           "may be damaged, and the copy useless; if it has another key, try that one alone";
}

base::Error beyond_size_error(std::uint64_t bytes) {
    return {base::ErrorCode::kMalformed,
            fmt::format("{} bytes of encrypted data lie behind its end, as after a crash", bytes),
            "run this again with --beyond-size, which saves them as NAME.beyond"};
}

Result<std::vector<FileRange>> decrypt_contents(const lowerfs::LowerFile& file,
                                                const lower::FileKey& key, const FileRange& range,
                                                ContentOutput& output,
                                                const std::function<void(std::uint64_t)>& wrote) {
    auto extents = TRY(lower::Extents::create(key));
    ::posix_fadvise(file.fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    const std::uint64_t there = std::min(end_of(range), decryptable_size(file));
    std::uint64_t offset = range.first / kExtentSize * kExtentSize;
    std::vector<FileRange> lost;
    std::vector<std::uint8_t> buffer(
        std::min<std::uint64_t>(kChunk, whole_extents(there - std::min(there, offset))));
    for (; offset < there; offset += buffer.size()) {
        const auto chunk = ByteSpan(buffer).first(
            std::min<std::uint64_t>(buffer.size(), whole_extents(there - offset)));
        read_or_zeros(file.fd.get(), file.data_offset() + offset, chunk);
        TRY(decrypt_chunk(extents, offset, chunk, range, lost));
        const auto before = range.first - std::min(range.first, offset);
        const auto plain =
            chunk.first(std::min<std::uint64_t>(chunk.size(), there - offset)).subspan(before);
        TRY(output.write(offset + before - range.first, plain));
        wrote(plain.size());
    }
    if (there < end_of(range)) {
        add_range(lost, {there, end_of(range) - there});
    }
    TRY(output.finish(there - std::min(there, range.first)));
    return lost;
}

std::string losses_in_words(const std::vector<FileRange>& lost, std::uint64_t size) {
    std::uint64_t sum = 0;
    for (const auto& range : lost) {
        sum += range.size;
    }
    return fmt::format("{} of its {} bytes are lost, from byte {}", sum, size, lost.front().first);
}

}  // namespace ecryptfs::cli
