// SPDX-License-Identifier: Apache-2.0
//
// Landlock lets a process limit its own access to files and other processes. Nothing changes on a
// kernel without it, or with its first version only, which cannot allow moving files. A kernel with
// an older version than ours limits only what it knows.
// Documentation/userspace-api/landlock.rst.

#pragma once

#include <linux/landlock.h>

#include <cstdint>
#include <filesystem>

#include "lib/base/error.h"
#include "lib/base/handle.h"

namespace ecryptfs::confinement {

// Newer than the kernel headers that we build with.
inline constexpr std::uint64_t kTruncate = 1ULL << 14;       // LANDLOCK_ACCESS_FS_TRUNCATE
inline constexpr std::uint64_t kIoctlOnDevice = 1ULL << 15;  // LANDLOCK_ACCESS_FS_IOCTL_DEV

inline constexpr std::uint64_t kMakeDevices =
    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;
inline constexpr std::uint64_t kMakeFiles =
    LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
    LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER;
inline constexpr std::uint64_t kReadFiles = LANDLOCK_ACCESS_FS_READ_FILE;
inline constexpr std::uint64_t kWriteFiles = LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate;
inline constexpr std::uint64_t kUseFiles = kReadFiles | kWriteFiles | kIoctlOnDevice;

// The rights that we are about to lose, except where keep() keeps them below a folder.
class LandlockRules {
  public:
    explicit LandlockRules(std::uint64_t lost);

    // Whether the kernel can limit us at all. If not, nothing else here does anything.
    bool are_supported() const { return is_supported_; }

    // A path that does not exist needs no rule.
    void keep(std::uint64_t rights, const std::filesystem::path& path);
    void keep(std::uint64_t rights, const base::UniqueFd& folder);
    // What a caller could not do for its rules; apply() then fails with this errno.
    void fail(int error_number);

    // Binds this thread, and those that it starts, for good. Fails with this code. With any rules
    // at all, a process may trace only processes under at least the same.
    base::Result<void> apply(base::ErrorCode failure);

  private:
    long record_failure(long result);

    bool is_supported_;
    std::uint64_t lost_ = 0;
    std::uint64_t known_rights_ = 0;
    base::UniqueFd rules_;
    int failure_ = 0;
};

}  // namespace ecryptfs::confinement
