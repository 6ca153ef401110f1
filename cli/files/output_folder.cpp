// SPDX-License-Identifier: Apache-2.0

#include "cli/files/output_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "cli/files/file_error.h"
#include "cli/files/path_selection.h"
#include "lib/base/shell_word.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

Error link_error(const std::string& path) {
    std::error_code ignored;
    const auto real = std::filesystem::weakly_canonical(path, ignored);
    return {ErrorCode::kInvalidArgument,
            fmt::format("opening {}: a link is on the way, which root does not follow", path),
            fmt::format("if it leads where it should, give --output {}",
                        base::shell_word(real.string()))};
}

}  // namespace

Error existing_error(const std::string& name) {
    return {ErrorCode::kAlreadyExists,
            fmt::format("{} already exists and is something else; it was left alone", name),
            "move it away and run this again, or choose another --output"};
}

Result<base::UniqueFd> open_output(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
        return std::unexpected(file_error(fmt::format("making {}", path), errno));
    }
    base::UniqueFd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) {
        return std::unexpected(file_error(fmt::format("opening {}", path), errno));
    }
    return folder;
}

Result<base::UniqueFd> open_output_as_root(const std::string& path) {
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    base::UniqueFd folder(::open(path.starts_with('/') ? "/" : ".", kFlags));
    const auto parts = names_in_path(path);
    for (std::size_t i = 0; folder && i < parts.size(); ++i) {
        const bool is_last = i + 1 == parts.size();
        if (is_last && ::mkdirat(folder.get(), parts[i].c_str(), 0700) != 0 && errno != EEXIST) {
            return std::unexpected(file_error(fmt::format("making {}", path), errno));
        }
        base::UniqueFd next(::openat(folder.get(), parts[i].c_str(), kFlags));
        struct stat status{};
        if (!next && (errno == ELOOP || errno == ENOTDIR) &&
            ::fstatat(folder.get(), parts[i].c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISLNK(status.st_mode)) {
            return std::unexpected(link_error(path));
        }
        if (!next) {
            return std::unexpected(
                file_error(fmt::format("{} {}", is_last ? "opening" : "making", path), errno));
        }
        folder = std::move(next);
    }
    if (!folder) {
        return std::unexpected(file_error(fmt::format("opening {}", path), errno));
    }
    return folder;
}

}  // namespace ecryptfs::cli
