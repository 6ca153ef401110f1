// SPDX-License-Identifier: Apache-2.0

#include "mount-helper/user_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

namespace ecryptfs::mount_helper {

std::expected<base::UniqueFd, int> take_user_lock(const std::string& folder, uid_t user) {
    const auto path = folder + "/ecryptfs-mount-helper." + std::to_string(user) + ".lock";
    // No other user can open it, and so nobody else can hold it.
    base::UniqueFd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!lock) {
        return std::unexpected(errno);
    }
    while (::flock(lock.get(), LOCK_EX) != 0) {
        if (errno != EINTR) {
            return std::unexpected(errno);
        }
    }
    return lock;
}

}  // namespace ecryptfs::mount_helper
