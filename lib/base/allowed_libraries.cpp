// SPDX-License-Identifier: Apache-2.0

#include "lib/base/allowed_libraries.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <ranges>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/file_io.h"
#include "lib/base/handle.h"
#include "lib/base/shell_word.h"
#include "lib/base/try.h"

namespace ecryptfs::base {
namespace {

constexpr std::size_t kLargestFile = std::size_t{64} << 10;

// Reads at most one byte more than kLargestFile.
std::optional<std::string> read_text(int fd) {
    std::string text(kLargestFile + 1, '\0');
    const auto size = read_all(fd, {reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
    if (!size) {
        return std::nullopt;
    }
    text.resize(*size);
    return text;
}

Result<void> check_rights(const struct stat& status, const std::string& file) {
    if (!S_ISREG(status.st_mode)) {
        return std::unexpected(Error{ErrorCode::kMalformed,
                                     fmt::format("{} is not a regular file", file),
                                     fmt::format("remove it: rm -r {}", shell_word(file))});
    }
    if (status.st_uid != ::geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return std::unexpected(Error{
            ErrorCode::kAccessDenied, fmt::format("users other than this one could write {}", file),
            fmt::format("look whether its libraries are yours, then: chmod 600 {}",
                        shell_word(file))});
    }
    return {};
}

}  // namespace

Result<std::string> allowed_libraries_path() {
    constexpr std::size_t kRoom = 16'384;
    std::vector<char> room(kRoom);
    passwd entry{};
    passwd* found = nullptr;
    ::getpwuid_r(::geteuid(), &entry, room.data(), room.size(), &found);
    if (found == nullptr || found->pw_dir == nullptr || *found->pw_dir != '/') {
        return std::unexpected(
            Error{ErrorCode::kNotFound,
                  fmt::format("the password database has no home of user {}", ::geteuid()),
                  "have root own the library: a library of a user's is not loaded then"});
    }
    return std::string(found->pw_dir) + "/.config/ecryptfs-agent/libraries";
}

Result<bool> is_allowed_library(const std::string& file, std::string_view library) {
    const UniqueFd fd(
        ::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!fd && (errno == ENOENT || errno == ENOTDIR)) {
        return false;
    }
    struct stat status{};
    if (!fd || ::fstat(fd.get(), &status) != 0) {
        const auto advice = errno == ELOOP ? "put the file itself in the place of the link" : "";
        return std::unexpected(system_error(ErrorCode::kAccessDenied, file, errno, advice));
    }
    TRY(check_rights(status, file));
    const auto text = read_text(fd.get());
    if (!text) {
        return std::unexpected(system_error(ErrorCode::kAccessDenied, file, errno));
    }
    if (text->size() > kLargestFile) {
        return std::unexpected(Error{ErrorCode::kMalformed,
                                     fmt::format("{} is larger than 64 KiB", file),
                                     "take the libraries out that are not used any more"});
    }
    return std::ranges::any_of(std::views::split(*text, '\n'), [&](const auto& line) {
        return std::string_view(line.begin(), line.end()) == library;
    });
}

}  // namespace ecryptfs::base
