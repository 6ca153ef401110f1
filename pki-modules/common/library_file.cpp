// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/common/library_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "lib/base/handle.h"
#include "pki-modules/common/module_edge.h"

namespace ecryptfs::module {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

// In a folder with the sticky bit, such as /tmp, nobody replaces what others own.
bool others_can_change(const struct stat& status) {
    constexpr mode_t kOthersWrite = S_IWGRP | S_IWOTH;
    const bool is_own = status.st_uid == 0 || status.st_uid == ::geteuid();
    const bool is_sticky = S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0;
    return !is_own || (!is_sticky && (status.st_mode & kOthersWrite) != 0);
}

Error changeable(const std::string& path) {
    return {ErrorCode::kAccessDenied,
            fmt::format("others than this user and root can change {}", shown(path)),
            "have a library, and the folders above it, be writable by root or this user alone"};
}

}  // namespace

Result<std::string> checked_library(const std::string& path) {
    if (!path.starts_with('/')) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     fmt::format("{} is not an absolute path", shown(path)),
                                     "name the library by a path that begins with a slash"});
    }
    std::error_code failure;
    const auto resolved = std::filesystem::canonical(path, failure);
    if (failure) {
        return std::unexpected(
            base::system_error(ErrorCode::kNotFound, shown(path), failure.value()));
    }
    // From the root on: where nobody else can change a folder, nobody exchanges what is in it.
    base::UniqueFd place(::open("/", O_PATH | O_CLOEXEC));
    std::filesystem::path walked = "/";
    for (const auto& name : resolved.relative_path()) {
        place.reset(::openat(place.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
        walked /= name;
        struct stat status{};
        if (!place || ::fstat(place.get(), &status) != 0) {
            return std::unexpected(
                base::system_error(ErrorCode::kNotFound, shown(walked.string()), errno));
        }
        if (S_ISLNK(status.st_mode) || others_can_change(status)) {
            return std::unexpected(changeable(walked.string()));
        }
    }
    return resolved.string();
}

}  // namespace ecryptfs::module
