// SPDX-License-Identifier: Apache-2.0

#include "cli/files/earlier_copy.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "cli/files/file_error.h"
#include "cli/files/output_folder.h"

namespace ecryptfs::cli {
namespace {

using base::Result;

// False if there is nothing of that name.
Result<bool> read_status(int folder, const std::string& name, struct stat& status) {
    if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
        return true;
    }
    return errno == ENOENT ? Result<bool>(false)
                           : std::unexpected(file_error("looking for it", errno));
}

}  // namespace

bool is_kept_time(const timespec& kept, const timespec& time) {
    constexpr std::int64_t kSecond = 1'000'000'000;
    // The steps of times on NTFS, exFAT, older ext and FAT.
    constexpr auto kSteps = std::to_array<std::int64_t>({100, 10'000'000, kSecond, 2 * kSecond});
    if (std::abs(kept.tv_sec - time.tv_sec) > 2) {
        return false;
    }
    const std::int64_t apart = (kept.tv_sec - time.tv_sec) * kSecond + kept.tv_nsec - time.tv_nsec;
    const std::int64_t in_minute = kept.tv_sec % 60 * kSecond + kept.tv_nsec;
    for (const auto step : kSteps) {
        if (in_minute % step == 0 && std::abs(apart) <= step) {
            return true;
        }
    }
    return apart == 0;
}

Result<bool> is_copy(int folder, const std::string& name, std::uint64_t size,
                     const timespec& time) {
    struct stat there{};
    const auto found = read_status(folder, name, there);
    if (!found || !*found) {
        return found;
    }
    if (!S_ISREG(there.st_mode) || static_cast<std::uint64_t>(there.st_size) != size ||
        !is_kept_time(there.st_mtim, time)) {
        return std::unexpected(existing_error(name));
    }
    return true;
}

Result<bool> is_folder(int folder, const std::string& name) {
    struct stat there{};
    const auto found = read_status(folder, name, there);
    if (!found || !*found) {
        return found;
    }
    return S_ISDIR(there.st_mode) ? Result<bool>(true) : std::unexpected(existing_error(name));
}

}  // namespace ecryptfs::cli
