// SPDX-License-Identifier: Apache-2.0

#include "cli/files/whole_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): mkostemp()
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

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

// A file that is gone unless it got its name.
class Draft {
  public:
    explicit Draft(const std::string& for_path) : path_(for_path + ".XXXXXX") {
        fd_.reset(::mkostemp(path_.data(), O_CLOEXEC));  // of mode 0600
    }
    Draft(const Draft&) = delete;
    Draft& operator=(const Draft&) = delete;
    ~Draft() {
        if (fd_) {
            ::unlink(path_.c_str());
        }
    }

    int fd() const { return fd_.get(); }

    bool rename_to(const std::string& path, IfThere if_there) {
        const bool done = if_there == IfThere::kRefuse
                              ? base::rename_to_free_name(AT_FDCWD, path_.c_str(), path.c_str())
                              : ::rename(path_.c_str(), path.c_str()) == 0;
        if (done) {
            fd_.reset();
        }
        return done;
    }

  private:
    std::string path_;
    base::UniqueFd fd_;
};

bool keep_owner_of(const std::string& path, int fd) {
    struct stat old{};
    return ::geteuid() != 0 || ::stat(path.c_str(), &old) != 0 ||
           ::fchown(fd, old.st_uid, old.st_gid) == 0;
}

}  // namespace

std::string content_of(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
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

Result<void> write_whole_file(const std::string& path, base::ByteView content, IfThere if_there) {
    std::error_code none_there;
    const auto canonical = fs::canonical(path, none_there);
    const std::string target = none_there ? path : canonical.string();
    const auto failed = [&] {
        auto error = file_error(fmt::format("writing {}", path), errno);
        if (errno == EEXIST) {
            error.message = fmt::format("{} is there already", path);
            error.advice = "choose another name; nothing is overwritten";
        }
        return std::unexpected(std::move(error));
    };
    if (if_there == IfThere::kRefuse && !none_there) {
        errno = EEXIST;
        return failed();
    }
    Draft draft(target);
    if (draft.fd() < 0 || !base::write_all(draft.fd(), content) ||
        !keep_owner_of(target, draft.fd()) || ::fsync(draft.fd()) != 0 ||
        !draft.rename_to(target, if_there)) {
        return failed();
    }
    const auto folder = fs::path(target).parent_path();
    base::sync_folder(folder.empty() ? "." : folder.string());
    return {};
}

}  // namespace ecryptfs::cli
