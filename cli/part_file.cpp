// SPDX-License-Identifier: Apache-2.0

#include "cli/part_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "cli/lower_file.h"
#include "lib/base/file_io.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

// Whether the name still leads to the file: its last owner may have renamed it before it was
// locked.
bool is_still_named(int folder, int fd) {
    struct stat named{};
    struct stat opened{};
    return ::fstatat(folder, kPartName, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           ::fstat(fd, &opened) == 0 && named.st_ino == opened.st_ino &&
           named.st_dev == opened.st_dev;
}

}  // namespace

Result<PartFile> PartFile::create(int folder) {
    constexpr int kAttempts = 100;  // each lost to another program that has just finished a file
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        base::UniqueFd fd(
            ::openat(folder, kPartName, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!fd) {
            return std::unexpected(file_error("making a file", errno));
        }
        // Filesystems without locks are no reason to write nothing there.
        if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
            return std::unexpected(Error{ErrorCode::kAlreadyExists,
                                         "another program is writing into this folder",
                                         "wait until it is done, or choose another folder"});
        }
        if (is_still_named(folder, fd.get())) {
            if (::ftruncate(fd.get(), 0) != 0) {
                return std::unexpected(file_error("making a file", errno));
            }
            return PartFile(folder, std::move(fd));
        }
    }
    return std::unexpected(Error{ErrorCode::kAlreadyExists, "the folder is in use", ""});
}

PartFile::~PartFile() {
    if (fd_) {
        ::unlinkat(folder_, kPartName, 0);
    }
}

Result<void> PartFile::publish(const std::string& name) {
    if (!base::rename_to_free_name(folder_, kPartName, name.c_str())) {
        return std::unexpected(file_error(fmt::format("naming it {}", name), errno));
    }
    fd_.reset();
    return {};
}

}  // namespace ecryptfs::cli
