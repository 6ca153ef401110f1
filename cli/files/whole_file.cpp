// SPDX-License-Identifier: Apache-2.0

#include "cli/files/whole_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "cli/files/file_error.h"
#include "lib/base/file_io.h"
#include "lib/base/handle.h"

namespace ecryptfs::cli {
namespace {

namespace fs = std::filesystem;
using base::Error;
using base::ErrorCode;
using base::Result;

constexpr std::size_t kLargestUserFile = std::size_t{1} << 20;

}  // namespace

std::string read_system_file(const fs::path& path) {
    const std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();  // an error of reading, as of a process that has ended, throws otherwise
    return std::move(text).str();
}

Result<std::optional<std::string>> read_user_file(const fs::path& path) {
    const auto what = fmt::format("reading {}", path.string());
    const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!fd && errno == ENOENT) {
        return std::nullopt;
    }
    struct stat status{};
    if (!fd || ::fstat(fd.get(), &status) != 0) {
        return std::unexpected(file_error(what, errno));
    }
    if (!S_ISREG(status.st_mode)) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     fmt::format("{} is not a regular file", path.string()),
                                     "move it away"});
    }
    std::string text(kLargestUserFile + 1, '\0');
    const auto size =
        base::read_all(fd.get(), {reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
    if (!size) {
        return std::unexpected(file_error(what, errno));
    }
    if (*size > kLargestUserFile) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     fmt::format("{} is larger than 1 MiB", path.string()),
                                     "move it away"});
    }
    text.resize(*size);
    return text;
}

Result<void> write_whole_file(const std::string& path, base::ByteView content,
                              base::IfThere if_there) {
    if (base::write_atomic_file(path, content, if_there)) {
        return {};
    }
    auto error = file_error(fmt::format("writing {}", path), errno);
    if (error.code == ErrorCode::kAlreadyExists) {
        error.message = fmt::format("{} already exists", path);
        error.advice = "choose another name; nothing is overwritten";
    }
    return std::unexpected(std::move(error));
}

}  // namespace ecryptfs::cli
