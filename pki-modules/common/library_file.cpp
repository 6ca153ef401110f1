// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/common/library_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "lib/base/allowed_libraries.h"
#include "lib/base/handle.h"
#include "lib/base/printable.h"
#include "lib/base/shell_word.h"
#include "lib/base/try.h"
#include "lib/base/verb_advice.h"
#include "pki-modules/common/module_edge.h"

namespace ecryptfs::module {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

bool is_own(const struct stat& status) {
    return status.st_uid == 0 || status.st_uid == ::geteuid();
}

// In a folder with the sticky bit, such as /tmp, nobody replaces what others own.
bool others_can_write(const struct stat& status) {
    constexpr mode_t kOthersWrite = S_IWGRP | S_IWOTH;
    const bool is_sticky = S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0;
    return !is_sticky && (status.st_mode & kOthersWrite) != 0;
}

// With a folder that only its owner may search, as a home is, nobody else reaches what is below by
// its path. An access control list that lets somebody in shows in the group's bits.
bool keeps_others_out(const struct stat& status) {
    return S_ISDIR(status.st_mode) && (status.st_mode & (S_IXGRP | S_IXOTH)) == 0;
}

Error changeable(const std::string& path) {
    return {ErrorCode::kAccessDenied,
            fmt::format("users other than this one and root can change {}", shown(path)),
            "make the library and the folders above it writable by root or this user only"};
}

// The path is not cut short: the advice is to be typed as it stands.
Error not_allowed(const std::string& path) {
    auto advice = fmt::format("{}{}", base::kAllowLibraryAdvice, base::shell_word(path));
    if (advice.size() >= ECRYPTFS_PKI_MAX_TEXT || !base::is_printable(path)) {
        advice = base::allow_library_advice();
    }
    return {ErrorCode::kAccessDenied,
            fmt::format("{} belongs to this user: any program of the user's could exchange it",
                        shown(path)),
            std::move(advice)};
}

}  // namespace

Result<LibraryFile> check_library(const std::string& path) {
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
    bool others_reach = true;
    bool owned_by_root = true;
    for (const auto& name : resolved.relative_path()) {
        place.reset(::openat(place.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
        walked /= name;
        struct stat status{};
        if (!place || ::fstat(place.get(), &status) != 0) {
            return std::unexpected(
                base::system_error(ErrorCode::kNotFound, shown(walked.string()), errno));
        }
        if (S_ISLNK(status.st_mode) || !is_own(status) ||
            (others_reach && others_can_write(status))) {
            return std::unexpected(changeable(walked.string()));
        }
        others_reach = others_reach && !keeps_others_out(status);
        owned_by_root = owned_by_root && status.st_uid == 0;
    }
    return LibraryFile{resolved.string(), owned_by_root};
}

Result<void> check_consent(const LibraryFile& library) {
    if (library.owned_by_root) {
        return {};
    }
    const auto file = TRY(base::allowed_libraries_path());
    const bool allowed = TRY(base::is_allowed_library(file, library.path));
    return allowed ? Result<void>() : std::unexpected(not_allowed(library.path));
}

}  // namespace ecryptfs::module
