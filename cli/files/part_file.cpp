// SPDX-License-Identifier: Apache-2.0

#include "cli/files/part_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "cli/files/file_error.h"
#include "lib/base/file_io.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

std::string proc_path(int fd) {
    return fmt::format("/proc/self/fd/{}", fd);
}

// Whether the name leads to the file: in a shared folder others may rename it.
bool is_named(int folder, const std::string& name, int fd) {
    struct stat named{};
    struct stat opened{};
    return ::fstatat(folder, name.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           ::fstat(fd, &opened) == 0 && named.st_ino == opened.st_ino &&
           named.st_dev == opened.st_dev;
}

bool is_like(const struct stat& status, const struct stat& fresh) {
    return status.st_uid == fresh.st_uid &&
           (S_ISDIR(status.st_mode) || (status.st_mode == fresh.st_mode && status.st_nlink == 1));
}

}  // namespace

bool is_unfinished_name(const std::string& name) {
    return name == kUnfinishedName || name.starts_with(std::string(kUnfinishedName) + ".");
}

std::string new_unfinished_name() {
    std::uint64_t number = 0;
    while (::getrandom(&number, sizeof number, 0) != sizeof number) {
    }
    return fmt::format("{}.{:016x}", kUnfinishedName, number);
}

Error naming_error(std::string_view what, int error_number) {
    switch (error_number) {
        case EINVAL:
        case EILSEQ:
        case ENAMETOOLONG:
        case ENOENT:  // exFAT; the folder is there
            return base::system_error(ErrorCode::kNameChanged, what, error_number);
        default:
            return file_error(what, error_number);
    }
}

Result<PartFile> PartFile::create(int folder) {
    static const bool has_proc = ::access("/proc/self/fd", X_OK) == 0;
    base::UniqueFd fd(has_proc ? ::openat(folder, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600)
                               : -1);
    if (fd) {
        return PartFile(folder, std::move(fd), "");
    }
    std::string name = new_unfinished_name();
    fd.reset(
        ::openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) {
        return std::unexpected(file_error("making a file", errno));
    }
    // A locked file is not taken for one that was left behind. A file system without locks is no
    // reason to fail.
    static_cast<void>(::flock(fd.get(), LOCK_EX | LOCK_NB));
    return PartFile(folder, std::move(fd), std::move(name));
}

PartFile::~PartFile() {
    if (fd_ && !name_.empty()) {
        ::unlinkat(folder_, name_.c_str(), 0);
    }
}

bool PartFile::publish_named(const std::string& name) {
    if (!is_named(folder_, name_, fd_.get())) {
        errno = EBUSY;
        return false;
    }
    return base::rename_to_free_name(folder_, name_.c_str(), name.c_str());
}

Result<void> PartFile::publish(const std::string& name) {
    const bool published = name_.empty() ? ::linkat(AT_FDCWD, proc_path(fd_.get()).c_str(), folder_,
                                                    name.c_str(), AT_SYMLINK_FOLLOW) == 0
                                         : publish_named(name);
    if (!published) {
        return std::unexpected(naming_error(fmt::format("naming it {}", name), errno));
    }
    name_.clear();
    return {};
}

void remove_unfinished(int folder, const std::string& name, const struct stat& fresh) {
    const base::UniqueFd fd(
        ::openat(folder, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
    struct stat status{};
    if (!fd || ::fstat(fd.get(), &status) != 0 || !is_like(status, fresh) ||
        (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) ||
        !is_named(folder, name, fd.get())) {
        return;
    }
    if (!S_ISDIR(status.st_mode)) {
        ::unlinkat(folder, name.c_str(), 0);
        return;
    }
    ::unlinkat(fd.get(), kUnfinishedName, 0);
    ::unlinkat(folder, name.c_str(), AT_REMOVEDIR);
}

}  // namespace ecryptfs::cli
