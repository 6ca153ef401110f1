// SPDX-License-Identifier: Apache-2.0

#include "lib/lowerfs/header_journal.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "lib/base/try.h"
#include "lib/lower/header_format.h"
#include "lib/wire/packet_reader.h"

namespace ecryptfs::lowerfs {
namespace {

using base::ByteView;
using base::ErrorCode;
using base::Result;
using wire::PacketReader;

constexpr std::string_view kMagic = "ecryptfs-rekey-1\n";
constexpr std::size_t kSector = 512;  // what a disk writes whole, whatever happens
constexpr std::size_t kMarkerSize = 8;
constexpr std::size_t kNumbers = 3 * sizeof(std::uint16_t) + sizeof(std::uint64_t) + kMarkerSize;

std::size_t encoded_size(const JournalEntry& entry) {
    return kNumbers + entry.path.size() + 2 * entry.change.after.size();
}

bool leads_up(std::string_view path) {
    while (!path.empty()) {
        const auto slash = std::min(path.find('/'), path.size());
        if (path.substr(0, slash) == "..") {
            return true;
        }
        path.remove_prefix(std::min(slash + 1, path.size()));
    }
    return false;
}

Result<JournalEntry> take_entry(PacketReader& reader) {
    const auto at = reader.position();
    const auto path_size = TRY(reader.take_big_endian<std::uint16_t>("path's size"));
    const auto path = TRY(reader.take("path", path_size));
    JournalEntry entry{.path = std::string(base::as_text(path))};
    if (!is_journal_path(entry.path)) {
        return reader.fail("no path below a folder", at);
    }
    entry.inode = TRY(reader.take_big_endian<std::uint64_t>("inode"));
    const auto marker = TRY(reader.take("marker", kMarkerSize));
    std::ranges::copy(marker, entry.marker.begin());
    const auto change_at = reader.position();
    const auto offset = TRY(reader.take_big_endian<std::uint16_t>("offset"));
    const auto size = TRY(reader.take_big_endian<std::uint16_t>("size"));
    const auto before = TRY(reader.take("old bytes", size));
    const auto after = TRY(reader.take("new bytes", size));
    if (offset < lower::kFixedFields || size == 0 ||
        std::size_t{offset} + size > lower::kMaxHeader) {
        return reader.fail("bytes that are not among a header's packets", change_at);
    }
    entry.change = {offset, {before.begin(), before.end()}, {after.begin(), after.end()}};
    return entry;
}

// Whether each sector of the bytes, which begin at `offset` of the file, is as before or as after.
bool is_between(ByteView bytes, const ChangedBytes& change) {
    for (std::size_t first = 0; first < bytes.size();) {
        const auto end =
            std::min(bytes.size(), first + kSector - (change.offset + first) % kSector);
        const auto part = bytes.subspan(first, end - first);
        if (!std::ranges::equal(part, ByteView(change.before).subspan(first, end - first)) &&
            !std::ranges::equal(part, ByteView(change.after).subspan(first, end - first))) {
            return false;
        }
        first = end;
    }
    return true;
}

Result<base::UniqueFd> open_entry(int folder, const std::string& path) {
    const open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW,
                          .mode = 0,
                          .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    base::UniqueFd fd(
        static_cast<int>(::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how)));
    if (!fd) {
        return std::unexpected(base::system_error("opening it", errno));
    }
    return fd;
}

}  // namespace

bool is_journal_path(const std::string& path) {
    return !path.empty() && path.size() < PATH_MAX && path.front() != '/' &&
           path.find('\0') == std::string::npos && !leads_up(path);
}

std::vector<std::uint8_t> encode_journal(const std::vector<JournalEntry>& entries) {
    std::size_t size = kMagic.size();
    for (const auto& entry : entries) {
        size += encoded_size(entry);
    }
    std::vector<std::uint8_t> bytes(size);
    base::ByteWriter writer(bytes);
    writer.put(base::as_bytes(kMagic));
    for (const auto& entry : entries) {
        writer.put_big_endian(static_cast<std::uint16_t>(entry.path.size()));
        writer.put(base::as_bytes(entry.path));
        writer.put_big_endian(entry.inode);
        writer.put(entry.marker);
        writer.put_big_endian(static_cast<std::uint16_t>(entry.change.offset));
        writer.put_big_endian(static_cast<std::uint16_t>(entry.change.after.size()));
        writer.put(entry.change.before);
        writer.put(entry.change.after);
    }
    return bytes;
}

Result<std::vector<JournalEntry>> parse_journal(ByteView bytes) {
    std::vector<JournalEntry> entries;
    if (bytes.empty()) {
        return entries;
    }
    PacketReader reader("journal", ErrorCode::kMalformed, bytes);
    const auto magic = TRY(reader.take("first line", kMagic.size()));
    if (base::as_text(magic) != kMagic) {
        return reader.fail("not a journal of this version", 0);
    }
    while (!reader.empty()) {
        auto entry = TRY(take_entry(reader));
        entries.push_back(std::move(entry));
    }
    return entries;
}

Result<Redo> redo_entry(int folder, const JournalEntry& entry) {
    const auto fd = TRY(open_entry(folder, entry.path));
    struct stat status{};
    if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode) ||
        status.st_ino != entry.inode) {
        return Redo::kForeign;
    }
    auto found = TRY(find_header(fd.get()));
    const auto& [offset, before, after] = entry.change;
    if (found.in_attribute || found.bytes.size() < offset + after.size() ||
        !std::ranges::equal(ByteView(found.bytes).subspan(lower::kMarkerOffset, kMarkerSize),
                            entry.marker)) {
        return Redo::kForeign;
    }
    const auto there = ByteView(found.bytes).subspan(offset, after.size());
    if (std::ranges::equal(there, after)) {
        return Redo::kNeedless;
    }
    if (!is_between(there, entry.change)) {
        return Redo::kForeign;
    }
    std::ranges::copy(after, found.bytes.begin() + static_cast<std::ptrdiff_t>(offset));
    const auto header = lower::parse_header(found.bytes);
    if (!header || header->damage) {
        return Redo::kForeign;
    }
    TRY(write_changed_bytes(fd.get(), entry.change));
    if (::fdatasync(fd.get()) != 0) {
        return std::unexpected(base::system_error("writing to the disk", errno));
    }
    return Redo::kDone;
}

}  // namespace ecryptfs::lowerfs
