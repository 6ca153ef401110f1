// SPDX-License-Identifier: Apache-2.0

#include "lib/base/file_io.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "lib/base/handle.h"

namespace ecryptfs::base {

std::optional<std::size_t> read_all(int fd, ByteSpan room) {
    auto rest = room;
    while (!rest.empty()) {
        const ssize_t size = ::read(fd, rest.data(), rest.size());
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size < 0) {
            return std::nullopt;
        }
        if (size == 0) {
            break;
        }
        rest = rest.subspan(static_cast<std::size_t>(size));
    }
    return room.size() - rest.size();
}

bool write_all(int fd, ByteView bytes) {
    while (!bytes.empty()) {
        const ssize_t size = ::write(fd, bytes.data(), bytes.size());
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size < 0) {
            return false;
        }
        bytes = bytes.subspan(static_cast<std::size_t>(size));
    }
    return true;
}

std::optional<std::size_t> read_at(int fd, std::uint64_t offset, ByteSpan room) {
    std::size_t done = 0;
    while (done < room.size()) {
        const ssize_t size =
            ::pread(fd, room.data() + done, room.size() - done, static_cast<off_t>(offset + done));
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size < 0) {
            return std::nullopt;
        }
        if (size == 0) {
            break;
        }
        done += static_cast<std::size_t>(size);
    }
    return done;
}

bool write_at(int fd, std::uint64_t offset, ByteView bytes) {
    while (!bytes.empty()) {
        const ssize_t size = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            errno = size == 0 ? ENOSPC : errno;
            return false;
        }
        bytes = bytes.subspan(static_cast<std::size_t>(size));
        offset += static_cast<std::uint64_t>(size);
    }
    return true;
}

// Some file systems cannot rename without replacing (eCryptfs, NFS), some have no links (FAT).
bool rename_to_free_name(int folder, const char* from, const char* to) {
    if (::renameat2(folder, from, folder, to, RENAME_NOREPLACE) == 0) {
        return true;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return false;
    }
    if (::linkat(folder, from, folder, to, 0) == 0) {
        ::unlinkat(folder, from, 0);
        return true;
    }
    if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS) {
        return false;
    }
    if (::faccessat(folder, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = EEXIST;
        return false;
    }
    return errno == ENOENT && ::renameat(folder, from, folder, to) == 0;
}

void sync_folder(const std::string& folder) {
    const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd) {
        static_cast<void>(::fsync(fd.get()));
    }
}

}  // namespace ecryptfs::base
