// SPDX-License-Identifier: Apache-2.0

#include "lib/base/atomic_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): mkostemp()
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "lib/base/file_io.h"
#include "lib/base/handle.h"

namespace ecryptfs::base {
namespace {

std::string parent_folder(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? "./" : path.substr(0, slash + 1);
}

std::string descriptor_path(int fd) {
    return fmt::format("/proc/self/fd/{}", fd);
}

// A file that goes with this object unless it was published. It has no name until then. Where the
// file system has no such files, or the file replaces another, it has a name that nobody looks for.
class Draft {
  public:
    Draft(const std::string& path, IfThere if_there) {
        const auto folder = parent_folder(path);
        if (if_there == IfThere::kRefuse) {
            fd_.reset(::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, S_IRUSR | S_IWUSR));
        }
        const bool unnamed_works = fd_ && ::access(descriptor_path(fd_.get()).c_str(), F_OK) == 0;
        if (!unnamed_works) {
            name_ = folder + ".new-XXXXXX";
            fd_.reset(::mkostemp(name_.data(), O_CLOEXEC));  // of mode 0600
        }
    }
    ~Draft() {
        const int error_number = errno;  // of an earlier failure
        if (fd_ && !name_.empty()) {
            ::unlink(name_.c_str());
        }
        fd_.reset();
        errno = error_number;
    }
    Draft(const Draft&) = delete;
    Draft& operator=(const Draft&) = delete;
    Draft(Draft&&) = delete;
    Draft& operator=(Draft&&) = delete;

    int fd() const { return fd_.get(); }

    bool publish(const std::string& path, IfThere if_there) {
        const bool done =
            name_.empty() ? link_unnamed(path) : rename_draft(path, if_there == IfThere::kReplace);
        if (done) {
            name_.clear();
        }
        return done;
    }

  private:
    bool link_unnamed(const std::string& path) const {
        return ::linkat(AT_FDCWD, descriptor_path(fd_.get()).c_str(), AT_FDCWD, path.c_str(),
                        AT_SYMLINK_FOLLOW) == 0;
    }
    bool rename_draft(const std::string& path, bool replaces) const {
        return replaces ? ::rename(name_.c_str(), path.c_str()) == 0
                        : rename_to_free_name(AT_FDCWD, name_.c_str(), path.c_str());
    }

    UniqueFd fd_;
    std::string name_;
};

bool exists(const std::string& path) {
    struct stat status{};
    return ::lstat(path.c_str(), &status) == 0;
}

bool keep_owner(const std::string& path, int fd) {
    struct stat old{};
    return ::geteuid() != 0 || ::stat(path.c_str(), &old) != 0 ||
           ::fchown(fd, old.st_uid, old.st_gid) == 0;
}

}  // namespace

bool write_atomic_file(const std::string& path, ByteView content, IfThere if_there) {
    std::string target = path;
    if (if_there == IfThere::kReplace) {
        std::error_code no_target;
        const auto canonical = std::filesystem::canonical(path, no_target);
        target = no_target ? path : canonical.string();
    }
    if (if_there == IfThere::kRefuse && exists(path)) {
        errno = EEXIST;
        return false;
    }
    Draft draft(target, if_there);
    if (draft.fd() < 0 || !write_all(draft.fd(), content) ||
        (if_there == IfThere::kReplace && !keep_owner(target, draft.fd())) ||
        ::fsync(draft.fd()) != 0 || !draft.publish(target, if_there)) {
        return false;
    }
    sync_folder(parent_folder(target));
    return true;
}

}  // namespace ecryptfs::base
