// SPDX-License-Identifier: Apache-2.0

#include "cli/mount_call.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <vector>

#include "cli/caller.h"
#include "cli/lower_file.h"
#include "cli/processes.h"
#include "lib/base/handle.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr std::size_t kListedProcesses = 5;

// What the kernel logs of eCryptfs while this lives. Nothing where /dev/kmsg cannot be read.
class KernelWords {
  public:
    KernelWords() : log_(::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
        if (log_) {
            ::lseek(log_.get(), 0, SEEK_END);
        }
    }

    // The last line. A record is "priority,number,time,flags;text\n…"; its text begins with the
    // function's name.
    std::string last() const {
        std::string line;
        std::array<char, 8192> record{};
        ssize_t size = 0;
        while ((size = ::read(log_.get(), record.data(), record.size())) > 0) {
            std::string text(record.data(), static_cast<std::size_t>(size));
            text = text.substr(text.find(';') + 1);
            text = text.substr(0, text.find('\n'));
            if (text.contains("ecryptfs") || text.contains("eCryptfs")) {
                line = text.substr(text.starts_with("ecryptfs_") ? text.find(": ") + 2 : 0);
            }
        }
        return line;
    }

  private:
    base::UniqueFd log_;
};

// "bash (1234)" of some of them.
std::string users_of(const std::string& folder) {
    struct stat status{};
    if (::stat(folder.c_str(), &status) != 0) {
        return "";
    }
    std::vector<std::string> users;
    for (const auto& process : running_processes("")) {
        if (uses_file_system("", process.pid, status.st_dev)) {
            users.push_back(fmt::format("{} ({})", process.name, process.pid));
        }
    }
    if (users.size() > kListedProcesses) {
        const auto more = users.size() - kListedProcesses;
        users.resize(kListedProcesses);
        users.push_back(fmt::format("{} more", more));
    }
    return fmt::format("{}", fmt::join(users, ", "));
}

Error needs_root(std::string_view verb) {
    return {ErrorCode::kAccessDenied, fmt::format("only root may {}", verb),
            fmt::format("sudo ecryptfsctl {} …", verb)};
}

}  // namespace

Error mount_error(int error_number, const std::string& lower, const std::string& upper,
                  const std::string& kernel_said) {
    const auto what = fmt::format("mounting {} on {}", lower, upper);
    const auto error = [&](ErrorCode code, std::string advice) {
        auto made = base::system_error(code, what, error_number, std::move(advice));
        made.message += kernel_said.empty() ? "" : fmt::format(" (the kernel: {})", kernel_said);
        return made;
    };
    switch (error_number) {
        case EPERM:
        case EACCES:
            return error(ErrorCode::kAccessDenied, "sudo ecryptfsctl mount …");
        case ENODEV:
            return {ErrorCode::kNotSupported, fmt::format("{}: the kernel has no eCryptfs", what),
                    "sudo modprobe ecryptfs; files can be read without it: ecryptfsctl decrypt"};
        case ENOKEY:
            return error(ErrorCode::kUnknownKey,
                         "add the key again: ecryptfsctl add-key, or "
                         "add-passphrase");
        case EKEYEXPIRED:
            return error(ErrorCode::kKeyExpired, "add the key again");
        case EKEYREVOKED:
            return error(ErrorCode::kKeyRevoked, "add the key again");
        case EINVAL:
            return error(ErrorCode::kInvalidArgument,
                         "see that the kernel has the cipher (--cipher aes --key-bytes 16) and the "
                         "feature (ecryptfsctl status)");
        case EBUSY:
            return error(ErrorCode::kBusy, "another folder");
        case ENOENT:
        case ENOTDIR:
            return error(ErrorCode::kNotFound, "make both folders first");
        default:
            return error(ErrorCode::kInternal, "see what the kernel says: sudo dmesg");
    }
}

Result<void> mount_folder(const std::string& lower, const std::string& upper,
                          const FolderOptions& options) {
    if (!may_be_root()) {
        return std::unexpected(needs_root("mount"));
    }
    // The folder that was checked, even should somebody put a link in its place now.
    const base::UniqueFd folder(::open(upper.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!folder) {
        return std::unexpected(file_error(upper, errno));
    }
    const AsRoot root;
    const KernelWords words;
    unsigned long flags = MS_NOSUID | MS_NODEV;
    if (options.read_only) {
        flags |= MS_RDONLY;
    }
    if (::mount(lower.c_str(), fmt::format("/proc/self/fd/{}", folder.get()).c_str(), "ecryptfs",
                flags, kernel_options(options).c_str()) != 0) {
        const int error_number = errno;
        return std::unexpected(mount_error(error_number, lower, upper, words.last()));
    }
    return {};
}

Result<void> unmount_folder(const std::string& upper, bool lazy) {
    if (!may_be_root()) {
        return std::unexpected(needs_root("umount"));
    }
    const AsRoot root;
    int flags = UMOUNT_NOFOLLOW;
    if (lazy) {
        flags |= MNT_DETACH;
    }
    if (::umount2(upper.c_str(), flags) == 0) {
        return {};
    }
    const int error_number = errno;
    if (error_number != EBUSY) {
        return std::unexpected(file_error(fmt::format("unmounting {}", upper), error_number));
    }
    const auto users = users_of(upper);
    return std::unexpected(Error{ErrorCode::kBusy,
                                 users.empty() ? fmt::format("{} is in use", upper)
                                               : fmt::format("{} is in use by {}", upper, users),
                                 "end that, or leave the folder; or --lazy, which waits for it"});
}

}  // namespace ecryptfs::cli
