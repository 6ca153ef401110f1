// SPDX-License-Identifier: Apache-2.0

#include "lib/base/file_exposure.h"

#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "lib/base/shell_word.h"

namespace ecryptfs::base {
namespace {

// linux/magic.h lacks these.
constexpr std::uint32_t kNtfs3 = 0x7366746e;
constexpr std::uint32_t kVboxsf = 0x786f4256;
constexpr std::uint32_t kExfat = 0x2011bab0;
constexpr std::uint32_t kCifs = 0xff534d42;
constexpr std::uint32_t kSmb2 = 0xfe534d42;
constexpr std::uint32_t kFuse =
    0x65735546;  // NTFS, MTP. A FUSE mount that keeps modes keeps others out

constexpr auto kWithoutModes = std::to_array<std::uint32_t>(
    {MSDOS_SUPER_MAGIC, kExfat, kNtfs3, kCifs, kSmb2, kVboxsf, kFuse, V9FS_MAGIC});

constexpr mode_t kOthersRead = S_IRGRP | S_IROTH;
constexpr mode_t kOthersWrite = S_IWGRP | S_IWOTH;

bool keeps_modes(int fd) {
    struct statfs system{};
    return ::fstatfs(fd, &system) != 0 ||
           std::ranges::find(kWithoutModes, static_cast<std::uint32_t>(system.f_type)) ==
               kWithoutModes.end();
}

// A folder's mode also limits what an access control list grants.
bool folders_are_open(int fd) {
    std::error_code failure;
    auto path = std::filesystem::read_symlink(fmt::format("/proc/self/fd/{}", fd), failure);
    while (!failure && path.has_relative_path()) {
        path = path.parent_path();
        struct stat status{};
        if (::stat(path.c_str(), &status) == 0 && (status.st_mode & (S_IXGRP | S_IXOTH)) == 0) {
            return false;
        }
    }
    return true;
}

}  // namespace

std::optional<std::string> describe_exposure(const FileRights& rights, uid_t user,
                                             std::string_view subject, const std::string& path) {
    constexpr char kCopy[] = "make a copy of your own, of mode 600";
    const bool is_mine = rights.owner == user || user == 0;
    if (!is_mine && rights.owner != 0) {
        return fmt::format("user {} can read and change {}: {}", rights.owner, subject, kCopy);
    }
    const bool readable = (rights.mode & kOthersRead) != 0;
    if (!readable && (rights.mode & kOthersWrite) == 0) {
        return std::nullopt;
    }
    const auto what = fmt::format("others can {} {}", readable ? "read" : "change", subject);
    if (!rights.keeps_modes) {
        return rights.folders_are_open
                   ? std::optional(what + ": move it to a file system on which chmod 600 works")
                   : std::nullopt;
    }
    if (!is_mine) {
        return fmt::format("{}: {}", what, kCopy);
    }
    return fmt::format("{}: chmod 600 {}", what, path.empty() ? "it" : shell_word(path));
}

std::optional<std::string> file_exposure(int fd, std::string_view subject,
                                         const std::string& path) {
    struct stat status{};
    if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        return std::nullopt;
    }
    return describe_exposure({status.st_mode, status.st_uid, keeps_modes(fd), folders_are_open(fd)},
                             ::geteuid(), subject, path);
}

}  // namespace ecryptfs::base
