// SPDX-License-Identifier: Apache-2.0

#include "cli/files/linked_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "cli/files/part_file.h"
#include "lib/base/handle.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

base::UniqueFd open_below(int root, const std::string& path) {
    base::UniqueFd file(::fcntl(root, F_DUPFD_CLOEXEC, 0));
    for (std::size_t at = 0; file && at <= path.size();) {
        const auto end = std::min(path.find('/', at), path.size());
        const int kind = end == path.size() ? 0 : O_DIRECTORY;
        file.reset(::openat(file.get(), path.substr(at, end - at).c_str(),
                            O_PATH | O_NOFOLLOW | O_CLOEXEC | kind));
        at = end + 1;
    }
    return file;
}

bool is_same(const struct stat& left, const struct stat& right) {
    return left.st_dev == right.st_dev && left.st_ino == right.st_ino &&
           left.st_uid == right.st_uid && left.st_mode == right.st_mode &&
           left.st_size == right.st_size && left.st_mtim.tv_sec == right.st_mtim.tv_sec &&
           left.st_mtim.tv_nsec == right.st_mtim.tv_nsec;
}

bool means_no_links(int error_number) {
    return error_number == EPERM || error_number == EOPNOTSUPP || error_number == ENOSYS ||
           error_number == EMLINK || error_number == EXDEV;
}

}  // namespace

void LinkedFiles::remember(const struct stat& lower, FileCopy copy) {
    if (lower.st_nlink > 1) {
        files_.try_emplace({lower.st_dev, lower.st_ino}, std::move(copy), lower.st_nlink - 1);
    }
}

std::optional<FileCopy> LinkedFiles::find(const struct stat& lower) {
    const auto found =
        lower.st_nlink > 1 ? files_.find({lower.st_dev, lower.st_ino}) : files_.end();
    if (found == files_.end()) {
        return std::nullopt;
    }
    if (--found->second.names > 0) {
        return found->second.copy;
    }
    return std::move(files_.extract(found).mapped().copy);
}

Result<void> link_copy(int root, const FileCopy& copy, int folder, const std::string& name) {
    const auto file = open_below(root, copy.path);
    struct stat status{};
    if (!file || ::fstat(file.get(), &status) != 0 || !is_same(status, copy.status)) {
        return std::unexpected(
            Error{ErrorCode::kNotFound, fmt::format("{} is not there any more", copy.path), ""});
    }
    const auto source = fmt::format("/proc/self/fd/{}", file.get());
    if (::linkat(AT_FDCWD, source.c_str(), folder, name.c_str(), AT_SYMLINK_FOLLOW) == 0) {
        return {};
    }
    return std::unexpected(means_no_links(errno)
                               ? base::system_error(ErrorCode::kNotSupported, "linking it", errno)
                               : naming_error(fmt::format("naming it {}", name), errno));
}

}  // namespace ecryptfs::cli
