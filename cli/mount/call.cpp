// SPDX-License-Identifier: Apache-2.0

#include "cli/mount/call.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <vector>

#include "cli/files/file_error.h"
#include "cli/input/command_advice.h"
#include "cli/input/typed_command.h"
#include "cli/mount/busy_folder.h"
#include "cli/mount/plan.h"
#include "cli/mount/user_space.h"
#include "lib/base/handle.h"
#include "lib/base/shell_word.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

// Nobody is advised to work for root: a remembered name may be that of any folder.
Error belongs_to_another(const std::string& folder, uid_t owner, const std::string& user) {
    const passwd* known = ::getpwuid(owner);
    const auto name = known == nullptr ? fmt::format("the user {}", owner) : known->pw_name;
    return {ErrorCode::kAccessDenied,
            fmt::format("{} belongs to {}, and not to {}", folder, name, user),
            owner == 0 || known == nullptr
                ? fmt::format("name a folder that belongs to {}", user)
                : fmt::format("do it for its owner: --user {}", base::shell_word(name))};
}

Error exchanged(const std::string& folder) {
    return {ErrorCode::kAccessDenied,
            fmt::format("{} was replaced by another folder meanwhile", folder),
            "see what changes it, and try again"};
}

Error unreadable(const std::string& what, int error_number) {
    return error_number == EACCES
               ? base::system_error(ErrorCode::kAccessDenied, what, error_number,
                                    "let root look into it: a FUSE file system must be mounted "
                                    "with -o allow_other")
               : file_error(what, error_number);
}

// Opens the folder that has this path now: the path may lead to another folder later.
Result<base::UniqueFd> open_folder(const std::string& path) {
    open_how how{};
    how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_NO_SYMLINKS;
    base::UniqueFd folder(
        static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
    if (!folder) {
        return std::unexpected(errno == ELOOP ? exchanged(path) : file_error(path, errno));
    }
    return folder;
}

Error needs_root(std::string_view action) {
    return {ErrorCode::kAccessDenied, fmt::format("only root may {}", action),
            fmt::format("sudo {}", typed_command())};
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
    const auto add_again = fmt::format("add the key again: {}", add_any_key_advice());
    switch (error_number) {
        case EPERM:
        case EACCES:
            return error(ErrorCode::kAccessDenied, fmt::format("sudo {}", typed_command()));
        case ENODEV:
            return {ErrorCode::kNotSupported, fmt::format("{}: the kernel has no eCryptfs", what),
                    fmt::format("sudo modprobe ecryptfs; how files are read without it: {}",
                                decrypt_help_advice())};
        case ENOKEY:
            return error(ErrorCode::kUnknownKey, add_again);
        case EKEYEXPIRED:
            return error(ErrorCode::kKeyExpired, add_again);
        case EKEYREVOKED:
            return error(ErrorCode::kKeyRevoked, add_again);
        case EINVAL:
            return error(ErrorCode::kInvalidArgument,
                         "see that the kernel has the cipher (--cipher aes --key-bytes 16) and the "
                         "feature (ecryptfsctl status)");
        case EBUSY:
            return error(ErrorCode::kBusy, "name another folder");
        case ENOENT:
        case ENOTDIR:
            return error(ErrorCode::kNotFound,
                         fmt::format("make them: mkdir -p {} {}", base::shell_word(lower),
                                     base::shell_word(upper)));
        default:
            return error(ErrorCode::kInternal, "see what the kernel says: sudo dmesg");
    }
}

Error not_mounted(const std::string& upper) {
    return {ErrorCode::kNotFound, fmt::format("no eCryptfs is mounted on {}", upper),
            "see what is: ecryptfsctl status"};
}

Error refusal_error(const mount::Reply& reply, const FolderPair& folders, const std::string& user) {
    using enum mount::Verdict;
    const auto& [lower, upper, options, may_hide_files] = folders;
    const auto unfit = [](const std::string& folder) {
        return Error{ErrorCode::kNotSupported,
                     fmt::format("{} is on a file system that holds no files of users", folder),
                     "use a folder on a disk"};
    };
    switch (reply.verdict) {
        case kLowerOfAnother:
            return belongs_to_another(lower, reply.owner, user);
        case kUpperOfAnother:
        case kMountOfAnother:
            return belongs_to_another(upper, reply.owner, user);
        case kUnfitLower:
            return unfit(lower);
        case kUnfitUpper:
            return unfit(upper);
        case kUpperNotEmpty:
            return not_empty(upper);
        case kUpperUnreadable:
            return unreadable(fmt::format("checking whether {} is empty", upper),
                              reply.error_number);
        case kLowerUnreadable:
            return unreadable(fmt::format("finding the owner of {}", lower), reply.error_number);
        case kNotAFolder:
            return {ErrorCode::kInvalidArgument,
                    fmt::format("{} or {} is not a directory", lower, upper), "name two folders"};
        case kPathTooLong:
            return {ErrorCode::kNotSupported,
                    fmt::format("the path {} is longer than the 255 bytes that the kernel takes",
                                lower),
                    "give a folder on the way a shorter name"};
        case kLowerExchanged:
            return exchanged(lower);
        case kMountFailed:
            return mount_error(reply.error_number, lower, upper, reply.kernel_said);
        case kNotThatMount:
            return not_mounted(upper);
        case kUnmountFailed:
            return reply.error_number == EBUSY
                       ? busy_folder(upper)
                       : file_error(fmt::format("unmounting {}", upper), reply.error_number);
        default:
            return {ErrorCode::kInternal, "ecryptfs-mount-helper is of another version",
                    kInstallAdvice};
    }
}

Result<void> mount_folder(MountSession& session, const FolderPair& folders) {
    if (!session.helper) {
        return std::unexpected(needs_root("mount by the kernel"));
    }
    const auto lower = open_folder(folders.lower);
    const auto upper = open_folder(folders.upper);
    for (const auto* opened : {&lower, &upper}) {
        if (!*opened) {
            return std::unexpected(opened->error());
        }
    }
    const auto reply =
        TRY(session.helper->ask(mount::MountRequest{folders.options, folders.may_hide_files},
                                std::array{lower->get(), upper->get()}));
    return reply.verdict == mount::Verdict::kDone
               ? Result<void>()
               : std::unexpected(refusal_error(reply, folders, session.caller.name));
}

Result<void> unmount_folder(MountSession& session, const MountedFolder& mount, bool lazy) {
    const bool by_kernel = mount.way == MountWay::kKernel;
    if (!by_kernel && session.caller.id != 0) {
        return unmount_as_user(mount, session.caller, lazy);
    }
    if (by_kernel && !session.helper) {
        return std::unexpected(
            session.no_helper.value_or(needs_root("unmount what the kernel has mounted")));
    }
    const std::filesystem::path upper(mount.upper);
    const auto parent = TRY(open_folder(upper.parent_path()));
    if (!by_kernel) {
        return unmount_as_root(mount, parent.get(), lazy);
    }
    const auto reply = TRY(session.helper->ask(
        mount::UnmountRequest{upper.filename(), mount.id, lazy}, std::array{parent.get()}));
    return reply.verdict == mount::Verdict::kDone
               ? Result<void>()
               : std::unexpected(
                     refusal_error(reply, {mount.lower, mount.upper}, session.caller.name));
}

}  // namespace ecryptfs::cli
