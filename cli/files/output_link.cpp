// SPDX-License-Identifier: Apache-2.0

#include "cli/files/output_link.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <limits.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "cli/files/file_error.h"
#include "cli/files/part_file.h"
#include "lib/base/handle.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

base::UniqueFd open_link(int folder, const std::string& name) {
    return base::UniqueFd(::openat(folder, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
}

Result<SymbolicLink> read_open_link(int fd) {
    std::array<char, PATH_MAX> target{};
    SymbolicLink link{};
    const auto size = ::readlinkat(fd, "", target.data(), target.size());
    if (size < 0 || ::fstat(fd, &link.status) != 0) {
        return std::unexpected(file_error("reading the link", errno));
    }
    link.target.assign(target.data(), static_cast<std::size_t>(size));
    return link;
}

}  // namespace

Result<SymbolicLink> read_link(int folder, const std::string& name) {
    const auto fd = open_link(folder, name);
    if (!fd) {
        return std::unexpected(file_error("reading the link", errno));
    }
    return read_open_link(fd.get());
}

Result<void> make_link(int folder, const std::string& name, const std::string& target) {
    if (::symlinkat(target.c_str(), folder, name.c_str()) == 0) {
        return {};
    }
    if (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS) {
        return std::unexpected(
            Error{ErrorCode::kNotSupported,
                  fmt::format("it is a link to {}, and the file system there has no links", target),
                  kOtherFileSystemAdvice});
    }
    return std::unexpected(naming_error(fmt::format("making the link {}", name), errno));
}

void give_link_attributes(int folder, const std::string& name, const std::string& target,
                          uid_t maker, const struct stat& status) {
    const auto fd = open_link(folder, name);
    const auto link = fd ? read_open_link(fd.get()) : std::unexpected(Error{});
    if (!link || link->target != target || link->status.st_uid != maker ||
        link->status.st_nlink != 1) {
        return;
    }
    if (::geteuid() == 0) {
        static_cast<void>(::fchownat(fd.get(), "", status.st_uid, status.st_gid, AT_EMPTY_PATH));
    }
    const std::array<timespec, 2> times = {status.st_atim, status.st_mtim};
    ::utimensat(fd.get(), "", times.data(), AT_EMPTY_PATH);
}

}  // namespace ecryptfs::cli
