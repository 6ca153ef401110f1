// SPDX-License-Identifier: Apache-2.0

#include "lib/lowerfs/lower_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>

#include "lib/base/file_io.h"
#include "lib/base/try.h"
#include "lib/lower/extent_offsets.h"

namespace ecryptfs::lowerfs {
namespace {

using base::ErrorCode;
using base::Result;

// Empty if there is no such attribute, or the file system has none at all.
std::vector<std::uint8_t> read_attribute(int fd) {
    std::vector<std::uint8_t> bytes(lower::kMaxHeader);
    const auto size = ::fgetxattr(fd, lower::kHeaderAttribute, bytes.data(), bytes.size());
    bytes.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return bytes;
}

}  // namespace

Result<FoundHeader> find_header(int fd, std::size_t size) {
    FoundHeader found{std::vector<std::uint8_t>(size)};
    const auto filled = base::read_at(fd, 0, found.bytes);
    if (!filled) {
        return std::unexpected(base::system_error("reading its header", errno));
    }
    found.bytes.resize(*filled);
    if (lower::has_marker(found.bytes)) {
        return found;
    }
    found.bytes = read_attribute(fd);
    found.in_attribute = lower::has_marker(found.bytes);
    found.bytes.resize(found.in_attribute ? std::min(size, found.bytes.size()) : 0);
    return found;
}

Result<LowerFile> open_lower_file(int folder, const std::string& name) {
    LowerFile file;
    const int follow = folder == AT_FDCWD ? 0 : O_NOFOLLOW;  // a path that was typed may be a link
    file.fd.reset(
        ::openat(folder, name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | follow));
    if (!file.fd || ::fstat(file.fd.get(), &file.status) != 0) {
        return std::unexpected(base::system_error("opening it", errno));
    }
    if (!S_ISREG(file.status.st_mode)) {
        return std::unexpected(base::Error{ErrorCode::kInvalidArgument, "not a regular file", ""});
    }
    auto found = TRY(find_header(file.fd.get()));
    file.header_bytes = std::move(found.bytes);
    file.header_in_attribute = found.in_attribute;
    if (file.header_bytes.empty()) {
        return file;
    }
    auto header = TRY(lower::parse_header(file.header_bytes));
    file.header = std::move(header);
    return file;
}

std::uint64_t missing_at_end(const LowerFile& file) {
    const auto needed = lower::lower_size(file.data_offset(), file.header.value().plain_size);
    return needed > file.lower_size() ? needed - file.lower_size() : 0;
}

std::uint64_t data_beyond_size(const LowerFile& file) {
    const auto end = lower::lower_size(file.data_offset(), file.header.value().plain_size);
    // The header is a page, where that is more than 8,192 bytes (crypto.c:
    // ecryptfs_set_default_sizes).
    const std::uint64_t page =
        file.data_offset() > lower::kLeastSizeAtFront ? file.data_offset() : lower::kExtentSize;
    const std::uint64_t beyond = file.lower_size() - std::min(file.lower_size(), end);
    return beyond > page ? beyond : 0;
}

}  // namespace ecryptfs::lowerfs
