// SPDX-License-Identifier: Apache-2.0

#include "cli/mount/user_space.h"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <string_view>

#include "cli/files/file_error.h"
#include "cli/input/typed_command.h"
#include "cli/mount/busy_folder.h"
#include "cli/mount/program.h"
#include "cli/mount/user_space_parts.h"
#include "lib/base/secret_bytes.h"
#include "lib/base/shell_word.h"
#include "lib/base/try.h"
#include "lib/lower/block_cipher.h"
#include "lib/wire/cipher.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

std::string user_name(uid_t id) {
    const passwd* known = ::getpwuid(id);
    return known == nullptr ? fmt::format("the user {}", id) : known->pw_name;
}

std::vector<std::string_view> split_options(std::string_view list) {
    std::vector<std::string_view> options;
    while (!list.empty()) {
        const auto end = std::min(list.find(','), list.size());
        options.push_back(list.substr(0, end));
        list.remove_prefix(std::min(end + 1, list.size()));
    }
    return options;
}

// Options of eCryptfs' own have an option of ours: what is typed there is checked and remembered.
Result<void> check_fuse_option(std::string_view option, const Caller& caller) {
    constexpr auto kOwn = std::to_array<std::string_view>(
        {"ro", "key=", "name_key=", "cipher=", "key_bytes=", "fsname=", "subtype="});
    const bool is_own = option.starts_with("ecryptfs_") || std::ranges::any_of(kOwn, [&](auto own) {
                            return own.ends_with('=') ? option.starts_with(own) : option == own;
                        });
    if (is_own) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     fmt::format("-o {}: not an option of FUSE", option),
                                     "say it as ecryptfsctl mount --help has it"});
    }
    const bool admits_others = option == "allow_other" || option == "allow_root";
    if (admits_others && caller.id != 0 && !users_may_admit_others("")) {
        return std::unexpected(
            Error{ErrorCode::kAccessDenied,
                  fmt::format("-o {}: the system lets only root do that", option),
                  "leave it out, or allow it: echo user_allow_other | sudo tee -a /etc/fuse.conf"});
    }
    return {};
}

// What the kernel's mount has and ecryptfs-fuse has not.
Result<void> check_views(const MountPlan& plan) {
    const bool passthrough = plan.folder.options.passthrough;
    if (!passthrough && !plan.encrypted_view) {
        return {};
    }
    return std::unexpected(
        Error{ErrorCode::kNotSupported,
              fmt::format("a mount in user space has no --{}",
                          passthrough ? "passthrough" : "encrypted-view"),
              fmt::format("mount by the kernel: sudo {}", extended_command("--kernel"))});
}

// ecryptfs-fuse has those of OpenSSL.
Result<void> check_cipher(const FolderOptions& options) {
    const auto found = std::ranges::find_if(wire::ciphers(), [&](const wire::Cipher& cipher) {
        return cipher.name == options.cipher && cipher.takes_key(options.key_bytes);
    });
    if (found == wire::ciphers().end()) {
        return {};  // it says so itself
    }
    const auto key = TRY(base::SecretBytes::create(options.key_bytes));
    const auto cipher =
        lower::BlockCipher::create(*found, lower::BlockCipher::Mode::kCbc,
                                   lower::BlockCipher::Direction::kEncrypt, key.view());
    return cipher ? Result<void>() : std::unexpected(cipher.error());
}

Result<void> check_upper_owner(const std::string& upper, const Caller& caller) {
    struct stat status{};
    if (::stat(upper.c_str(), &status) != 0) {
        return std::unexpected(file_error(upper, errno));
    }
    if (caller.id == 0 || status.st_uid == caller.id) {
        return {};
    }
    return std::unexpected(Error{ErrorCode::kAccessDenied,
                                 fmt::format("{} belongs to {}, and not to {}", upper,
                                             user_name(status.st_uid), caller.name),
                                 fmt::format("name a folder that belongs to {}", caller.name)});
}

// By the name that the mount has now. fusermount3 sees that it is this user's.
Result<void> run_fusermount(const std::string& upper, bool lazy) {
    const auto program = TRY(find_fusermount(""));
    std::vector<std::string> command = {program, "-u"};
    if (lazy) {
        command.emplace_back("-z");
    }
    command.push_back(upper);
    const auto ended = TRY(run_program(command));
    if (ended.status == 0) {
        return {};
    }
    if (ended.said.contains("Device or resource busy")) {
        return std::unexpected(busy_folder(upper));
    }
    auto error = program_error("fusermount3", ended);
    error.code = ErrorCode::kAccessDenied;
    return std::unexpected(std::move(error));
}

}  // namespace

Result<std::string> check_user_space(const MountPlan& plan, const Caller& caller,
                                     const std::vector<std::string>& fuse_options) {
    TRY(check_views(plan));
    TRY(check_cipher(plan.folder.options));
    for (const auto& list : fuse_options) {
        for (const auto option : split_options(list)) {
            TRY(check_fuse_option(option, caller));
        }
    }
    auto program = TRY(find_fuse_program());
    TRY(check_fuse_device(""));
    if (const auto found = find_fusermount(""); caller.id != 0 && !found) {
        return std::unexpected(found.error());
    }
    TRY(check_upper_owner(plan.folder.upper, caller));
    return program;
}

std::vector<std::string> fuse_command(const UserSpaceMount& mount, bool foreground) {
    std::vector<std::string> command = {mount.program, mount.lower, mount.upper, "-o",
                                        kernel_options(mount.options)};
    if (mount.options.read_only) {
        command.insert(command.end(), {"-o", "ro"});
    }
    for (const auto& list : mount.fuse_options) {
        command.insert(command.end(), {"-o", list});
    }
    if (foreground) {
        command.emplace_back("-f");
    }
    if (mount.keys) {
        command.emplace_back("--keys-on-stdin");
    }
    return command;
}

Result<void> mount_in_user_space(const UserSpaceMount& mount) {
    const auto ended = TRY(run_program(fuse_command(mount, false), mount.input()));
    return ended.status == 0 ? Result<void>()
                             : std::unexpected(program_error("ecryptfs-fuse", ended));
}

Result<void> unmount_as_user(const MountedFolder& mount, const Caller& caller, bool lazy) {
    if (mount.owner && *mount.owner != caller.id) {
        const auto owner = user_name(*mount.owner);
        return std::unexpected(Error{
            ErrorCode::kAccessDenied,
            fmt::format("{} was mounted by {}, and not by {}", mount.upper, owner, caller.name),
            fmt::format("do it for its owner: sudo ecryptfsctl umount {} --user {}",
                        base::shell_word(mount.upper), base::shell_word(owner))});
    }
    return run_fusermount(mount.upper, lazy);
}

Result<void> unmount_as_root(const MountedFolder& mount, int parent, bool lazy) {
    const auto name = std::filesystem::path(mount.upper).filename().string();
    const auto path = fmt::format("/proc/self/fd/{}/{}", parent, name);
    if (::umount2(path.c_str(), UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) == 0) {
        return {};
    }
    return std::unexpected(errno == EBUSY
                               ? busy_folder(mount.upper)
                               : file_error(fmt::format("unmounting {}", mount.upper), errno));
}

}  // namespace ecryptfs::cli
