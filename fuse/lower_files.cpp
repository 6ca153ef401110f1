// SPDX-License-Identifier: Apache-2.0

#include "fuse/lower_files.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <string>
#include <utility>

#include "lib/base/bytes.h"
#include "lib/base/file_io.h"
#include "lib/base/try.h"
#include "lib/lower/header.h"
#include "lib/lowerfs/lower_file.h"

namespace ecryptfs::fuse {
namespace {

using base::ByteView;

constexpr std::size_t kSizeAndMarker = 16;  // crypto.c: ecryptfs_read_and_validate_header_region

Outcome<FileContents> make_contents(const OpenLower& file, const ContentsPlace& place,
                                    const ContentsSizes& sizes, const lower::FileKey& key) {
    auto extents = TRY(to_outcome(lower::ExtentCipher::create(key)));
    return FileContents(file.fd, place, sizes, std::move(extents));
}

Outcome<void> write_header(int fd, ByteView header, bool in_attribute) {
    if (in_attribute) {
        if (::fsetxattr(fd, lower::kHeaderAttribute, header.data(), header.size(), 0) != 0) {
            return failed_call();
        }
        return {};
    }
    return base::write_at(fd, 0, header) ? Outcome<void>() : failed_call();
}

// It may have been written since it was opened, and a second header would cost what it holds.
bool is_empty(const OpenLower& file) {
    struct stat status{};
    return file.status.st_size == 0 && ::fstat(file.fd.get(), &status) == 0 &&
           status.st_size == 0 &&
           ::fgetxattr(file.fd.get(), lower::kHeaderAttribute, nullptr, 0) < 0;
}

// Somebody else may have changed it meanwhile: that stays.
Outcome<void> restore_mode(const base::UniqueFd& way, const std::string& path, mode_t set,
                           mode_t before) {
    struct stat status{};
    const bool is_ours =
        ::fstatat(way.get(), "", &status, AT_EMPTY_PATH) == 0 && (status.st_mode & 07777) == set;
    if (is_ours && ::chmod(path.c_str(), before) != 0) {
        return failed_call();
    }
    return {};
}

}  // namespace

// By a short change of the mode, as only its mode keeps the owner from it. Only the owner has more
// rights for that moment, who may change the mode anyhow: the bits of the group and of others stay.
// Nothing lies between the two changes but open(). Who kills this process just there leaves a file
// that its owner may read. Its time of change is a new one. A file with set-group-ID is left alone,
// since chmod() may take that bit away for good.
Outcome<base::UniqueFd> open_against_mode(const base::UniqueFd& way, int flags, mode_t rights) {
    struct stat status{};
    if (::fstatat(way.get(), "", &status, AT_EMPTY_PATH) != 0) {
        return failed_call();
    }
    const mode_t before = status.st_mode & 07777;
    const mode_t with_rights = before | rights;
    if (!S_ISREG(status.st_mode) || status.st_uid != ::geteuid() || with_rights == before ||
        (before & S_ISGID) != 0) {
        return std::unexpected(EACCES);
    }
    const auto path = path_of_descriptor(way);
    if (::chmod(path.c_str(), with_rights) != 0) {
        return failed_call();
    }
    base::UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC));
    const int error = errno;
    TRY(restore_mode(way, path, with_rights, before));
    if (!fd) {
        return std::unexpected(error);
    }
    return fd;
}

Outcome<std::uint64_t> read_plain_size(const base::UniqueFd& fd, const struct stat& status) {
    const auto header = TRY(to_outcome(lowerfs::find_header(fd.get(), kSizeAndMarker)));
    if (header.bytes.empty()) {
        return status.st_size == 0 ? Outcome<std::uint64_t>(0) : std::unexpected(EIO);
    }
    const auto size = base::ByteReader(header.bytes).take_big_endian<std::uint64_t>();
    if (!size || *size > std::uint64_t{std::numeric_limits<off_t>::max()}) {
        return std::unexpected(EIO);
    }
    return *size;
}

Outcome<FileContents> open_contents(const OpenLower& file, MountKeys& keys, bool in_attribute) {
    if (is_empty(file)) {
        const auto fresh = TRY(keys.make_file());
        if (file.can_write) {
            return write_new_file(file, fresh, in_attribute);
        }
        return make_contents(file, {}, {}, fresh.key);
    }
    const auto found = TRY(to_outcome(lowerfs::find_header(file.fd.get())));
    if (found.bytes.empty()) {
        return std::unexpected(EIO);
    }
    const auto header = TRY(to_outcome(lower::parse_header(found.bytes)));
    const auto key = TRY(keys.open(header));
    const ContentsPlace place{found.in_attribute, found.in_attribute ? 0 : header.size_at_front};
    const auto lower_size = static_cast<std::uint64_t>(file.status.st_size);
    return make_contents(file, place, {header.plain_size, lower_size}, key);
}

Outcome<FileContents> write_new_file(const OpenLower& file, const NewFile& fresh,
                                     bool in_attribute) {
    TRY(write_header(file.fd.get(), fresh.header, in_attribute));
    const ContentsPlace place{in_attribute, in_attribute ? 0 : fresh.header.size()};
    return make_contents(file, place, {}, fresh.key);
}

}  // namespace ecryptfs::fuse
