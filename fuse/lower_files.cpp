// SPDX-License-Identifier: Apache-2.0

#include "fuse/lower_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <limits>
#include <memory>
#include <utility>

#include "lib/base/bytes.h"
#include "lib/base/try.h"
#include "lib/lower/header.h"

namespace ecryptfs::fuse {
namespace {

using base::ByteSpan;
using base::ByteView;

constexpr std::size_t kSizeAndMarker = 16;  // crypto.c: ecryptfs_read_and_validate_header_region

// A header's bytes, or as many as `bytes` takes, and where they are.
struct HeaderBytes {
    ByteView bytes;
    bool in_attribute = false;
};

Outcome<HeaderBytes> read_header(int fd, ByteSpan bytes) {
    const auto count = ::pread(fd, bytes.data(), bytes.size(), 0);
    if (count < 0) {
        return failed_call();
    }
    const auto in_front = ByteView(bytes).first(static_cast<std::size_t>(count));
    if (lower::has_marker(in_front)) {
        return HeaderBytes{in_front, false};
    }
    std::array<std::uint8_t, lower::kMaxHeader> attribute;
    const auto size = ::fgetxattr(fd, lower::kHeaderAttribute, attribute.data(), attribute.size());
    if (size < 0 || !lower::has_marker(ByteView(attribute).first(static_cast<std::size_t>(size)))) {
        return std::unexpected(EIO);
    }
    const auto used = std::min(static_cast<std::size_t>(size), bytes.size());
    std::copy_n(attribute.begin(), used, bytes.begin());
    return HeaderBytes{ByteView(bytes).first(used), true};
}

Outcome<FileContents> make_contents(base::UniqueFd fd, const ContentsPlace& place,
                                    std::uint64_t plain_size, const lower::FileKey& key) {
    auto extents = TRY(to_outcome(lower::ExtentCipher::create(key)));
    return FileContents::open(std::move(fd), place, plain_size, std::move(extents));
}

Outcome<void> write_header(int fd, ByteView header, bool in_attribute) {
    if (in_attribute) {
        if (::fsetxattr(fd, lower::kHeaderAttribute, header.data(), header.size(), 0) != 0) {
            return failed_call();
        }
        return {};
    }
    const auto count = ::pwrite(fd, header.data(), header.size(), 0);
    if (count < 0) {
        return failed_call();
    }
    return static_cast<std::size_t>(count) == header.size() ? Outcome<void>()
                                                            : std::unexpected(ENOSPC);
}

bool is_empty(int fd) {
    struct stat status{};
    return ::fstat(fd, &status) == 0 && status.st_size == 0 &&
           ::fgetxattr(fd, lower::kHeaderAttribute, nullptr, 0) < 0;
}

void close_folder(DIR* folder) noexcept {
    ::closedir(folder);
}
using Folder = base::Handle<DIR, close_folder>;

}  // namespace

Outcome<std::uint64_t> read_plain_size(const Node& node, const struct stat& status) {
    const auto fd = node.reopen(O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!fd) {
        // Who may not read it still sees that it is there.
        return fd.error() == EACCES ? Outcome<std::uint64_t>(0) : std::unexpected(fd.error());
    }
    std::array<std::uint8_t, kSizeAndMarker> bytes;
    const auto header = read_header(fd->get(), bytes);
    if (!header) {
        return status.st_size == 0 ? Outcome<std::uint64_t>(0) : std::unexpected(header.error());
    }
    const auto size = base::ByteReader(header->bytes).take_big_endian<std::uint64_t>();
    if (!size || *size > std::uint64_t{std::numeric_limits<off_t>::max()}) {
        return std::unexpected(EIO);
    }
    return *size;
}

Outcome<FileContents> open_contents(base::UniqueFd fd, MountKeys& keys, bool in_attribute,
                                    bool can_write) {
    if (is_empty(fd.get())) {
        auto fresh = TRY(to_outcome(keys.make_file()));
        if (can_write) {
            return write_new_file(std::move(fd), std::move(fresh), in_attribute);
        }
        return make_contents(std::move(fd), {}, 0, fresh.key);
    }
    std::array<std::uint8_t, lower::kMaxHeader> bytes;
    const auto found = TRY(read_header(fd.get(), bytes));
    const auto header = TRY(to_outcome(lower::parse_header(found.bytes)));
    const auto key = TRY(to_outcome(keys.open(header)));
    const ContentsPlace place{found.in_attribute, found.in_attribute ? 0 : header.size_at_front};
    return make_contents(std::move(fd), place, header.plain_size, key);
}

Outcome<FileContents> write_new_file(base::UniqueFd fd, NewFile file, bool in_attribute) {
    TRY(write_header(fd.get(), file.header, in_attribute));
    const ContentsPlace place{in_attribute, in_attribute ? 0 : file.header.size()};
    return make_contents(std::move(fd), place, 0, file.key);
}

Outcome<void> read_folder(
    base::UniqueFd fd,
    const std::function<void(const std::string& name, ino_t inode, mode_t type)>& take) {
    const Folder folder(::fdopendir(fd.get()));
    if (!folder) {
        return failed_call();
    }
    static_cast<void>(fd.release());  // the folder's now
    for (;;) {
        errno = 0;
        const dirent* const entry = ::readdir(folder.get());
        if (entry == nullptr) {
            return errno == 0 ? Outcome<void>() : failed_call();
        }
        const mode_t type = entry->d_type;
        take(entry->d_name, entry->d_ino, DTTOIF(type));
    }
}

}  // namespace ecryptfs::fuse
