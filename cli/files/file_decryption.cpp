// SPDX-License-Identifier: Apache-2.0

#include "cli/files/file_decryption.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "lib/base/file_io.h"
#include "lib/base/try.h"
#include "lib/lower/header.h"
#include "lib/lowerfs/content_reader.h"

namespace ecryptfs::cli {
namespace {

using base::ByteSpan;
using base::ByteView;
using base::Result;
using lower::FileRange;
using lower::kExtentSize;
using lowerfs::ContentReader;
using lowerfs::LowerFile;

constexpr std::size_t kChunk = 256 * kExtentSize;

}  // namespace

Result<bool> has_same_ends(const LowerFile& file, const lower::FileKey& key, int copy) {
    auto reader = TRY(ContentReader::create(file, key, range_end(lowerfs::whole_contents(file))));
    const auto last = lower::plain_offset_of_extent(
        lower::extent_number(std::max<std::uint64_t>(reader.size(), 1) - 1));
    for (const auto offset : {std::uint64_t{0}, last}) {
        std::vector<std::uint8_t> extent(kExtentSize);
        const auto reading = TRY(reader.read(offset, extent));
        if (!reading.lost.empty()) {
            continue;
        }
        const auto plain = ByteView(extent).first(reading.size);
        std::vector<std::uint8_t> copied(reading.size);
        const auto filled = ::lseek(copy, static_cast<off_t>(offset), SEEK_SET) < 0
                                ? std::nullopt
                                : base::read_all(copy, copied);
        if (filled != reading.size || !std::ranges::equal(copied, plain)) {
            return false;
        }
    }
    return true;
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

Result<std::vector<FileRange>> decrypt_contents(const LowerFile& file, const lower::FileKey& key,
                                                const FileRange& range, ContentOutput& output,
                                                const std::function<void(std::uint64_t)>& wrote) {
    auto reader = TRY(ContentReader::create(file, key, range_end(range)));
    ::posix_fadvise(file.fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    std::vector<FileRange> lost;
    std::vector<std::uint8_t> buffer(std::min<std::uint64_t>(
        kChunk, lower::encrypted_size(reader.size() - std::min(reader.size(), range.first))));
    auto offset = range.first;
    while (offset < reader.size()) {
        // Ends where an extent ends, so that the next reading begins with a whole one.
        const auto chunk = ByteSpan(buffer).first(buffer.size() - lower::offset_in_extent(offset));
        const auto reading = TRY(reader.read(offset, chunk));
        for (const auto& part : reading.lost) {
            lowerfs::append_range(lost, part);
        }
        TRY(output.write(offset - range.first, chunk.first(reading.size)));
        wrote(reading.size);
        offset += reading.size;
    }
    if (reader.size() < range_end(range)) {
        lowerfs::append_range(lost, {reader.size(), range_end(range) - reader.size()});
    }
    TRY(output.finish(reader.size() - std::min(reader.size(), range.first)));
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
