// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/common/key_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/file_exposure.h"
#include "lib/base/file_io.h"
#include "lib/base/handle.h"
#include "lib/base/try.h"
#include "pki-modules/common/module_edge.h"

namespace ecryptfs::module {
namespace {

using base::ErrorCode;

base::Error not_a_key_file(const std::string& path, std::string_view why) {
    return {ErrorCode::kInvalidKey, fmt::format("{} {}", shown(path), why),
            "name the file that holds the private key"};
}

base::Error cannot_open(const std::string& path, int error_number) {
    if (error_number == ENXIO) {  // a socket
        return not_a_key_file(path, "is not a regular file");
    }
    auto error = base::system_error(shown(path), error_number);
    if (error.code == ErrorCode::kNotFound) {
        error.advice = "check the path, and that its file system is mounted";
    } else if (error.code == ErrorCode::kAccessDenied) {
        error.advice =
            "give this user read permission on the file and search permission on its folders";
    }
    return error;
}

base::Result<void> check_kind_and_size(const std::string& path, const struct stat& status) {
    if (S_ISDIR(status.st_mode)) {
        return std::unexpected(not_a_key_file(path, "is a folder"));
    }
    if (!S_ISREG(status.st_mode)) {
        return std::unexpected(not_a_key_file(path, "is not a regular file"));
    }
    if (status.st_size == 0) {
        return std::unexpected(not_a_key_file(path, "is empty"));
    }
    if (status.st_size > static_cast<off_t>(kMaxKeyFileSize)) {
        return std::unexpected(not_a_key_file(
            path, fmt::format("is too large for a key file ({} bytes, at most {} are read)",
                              status.st_size, kMaxKeyFileSize)));
    }
    return {};
}

base::Result<void> fill(base::ByteSpan to, int fd, const std::string& path) {
    const auto size = base::read_all(fd, to);
    if (!size) {
        return std::unexpected(base::system_error(ErrorCode::kInternal, shown(path), errno));
    }
    if (*size < to.size()) {
        return std::unexpected(base::Error{ErrorCode::kInternal,
                                           fmt::format("{} changed while it was read", shown(path)),
                                           "try again"});
    }
    return {};
}

}  // namespace

base::Result<KeyFile> read_key_file(const std::string& path, std::string_view subject) {
    const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd) {
        return std::unexpected(cannot_open(path, errno));
    }
    struct stat status = {};
    if (::fstat(fd.get(), &status) != 0) {
        return std::unexpected(base::system_error(ErrorCode::kInternal, shown(path), errno));
    }
    TRY(check_kind_and_size(path, status));
    auto contents = TRY(base::SecretBytes::create(static_cast<std::size_t>(status.st_size)));
    TRY(fill(contents.span(), fd.get(), path));
    constexpr std::size_t kRoomForPath = 150;  // in a warning, of ECRYPTFS_PKI_MAX_TEXT bytes
    return KeyFile{std::move(contents),
                   base::file_exposure(fd.get(), subject, path.size() <= kRoomForPath ? path : "")};
}

}  // namespace ecryptfs::module
