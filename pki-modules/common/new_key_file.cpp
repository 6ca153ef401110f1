// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/common/new_key_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <optional>

#include "lib/base/file_io.h"
#include "lib/base/handle.h"
#include "lib/base/shell_word.h"
#include "pki-modules/common/module_edge.h"

namespace ecryptfs::module {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::UniqueFd;

constexpr mode_t kOwnerOnly = S_IRUSR | S_IWUSR;

Error exists(const std::string& path) {
    return {ErrorCode::kAlreadyExists, fmt::format("{} is there already", shown(path)),
            "choose another name, or move the file away if nothing needs it"};
}

std::string folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

std::string advice_on_folder(const std::string& folder) {
    constexpr std::size_t kMost = 200;  // of ECRYPTFS_PKI_MAX_TEXT bytes
    const auto command = fmt::format("mkdir -p {}", base::shell_word(folder));
    return command.size() <= kMost ? fmt::format("make the folder first: {}", command)
                                   : "make the folder first";
}

Error cannot_write(const std::string& path, int error_number) {
    auto error = base::system_error(shown(path), error_number);
    switch (error.code) {
        case ErrorCode::kAlreadyExists:
            return exists(path);
        case ErrorCode::kNotFound:
            error.advice = advice_on_folder(folder_of(path));
            return error;
        case ErrorCode::kAccessDenied:
            error.advice = "choose a folder that this user may write to";
            return error;
        default:
            return error;
    }
}

// A file without a name yet, or where the file system has no such thing, with a name that nobody
// looks for, which goes with this object.
class Draft {
  public:
    explicit Draft(const std::string& path) {
        const std::string folder = folder_of(path);
        const int fd = ::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, kOwnerOnly);
        if (fd >= 0) {
            fd_.reset(fd);
        } else if (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL) {
            name_ = folder + ".new-key-XXXXXX";
            fd_.reset(::mkostemp(name_.data(), O_CLOEXEC));  // for the owner only, too
        }
    }
    ~Draft() {
        if (fd_ && !name_.empty()) {
            ::unlink(name_.c_str());
        }
    }
    Draft(const Draft&) = delete;
    Draft& operator=(const Draft&) = delete;
    Draft(Draft&&) = delete;
    Draft& operator=(Draft&&) = delete;

    int get() const { return fd_.get(); }

    // Leaves alone what is there.
    bool name_it(const std::string& path) const {
        if (!name_.empty()) {
            return base::rename_to_free_name(AT_FDCWD, name_.c_str(), path.c_str());
        }
        const auto unnamed = fmt::format("/proc/self/fd/{}", fd_.get());
        return ::linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0;
    }

  private:
    UniqueFd fd_;
    std::string name_;
};

}  // namespace

Result<void> check_no_file(const std::string& path) {
    struct stat status = {};
    if (::lstat(path.c_str(), &status) == 0) {
        return std::unexpected(exists(path));
    }
    return {};
}

Result<void> write_new_key_file(const std::string& path, base::ByteView contents) {
    const Draft draft(path);
    if (draft.get() < 0 || !base::write_all(draft.get(), contents) || ::fsync(draft.get()) != 0 ||
        !draft.name_it(path)) {
        return std::unexpected(cannot_write(path, errno));
    }
    // The name, too, has to be on disk: a key that is lost takes its files with it.
    base::sync_folder(folder_of(path));
    return {};
}

}  // namespace ecryptfs::module
