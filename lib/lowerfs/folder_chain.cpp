// SPDX-License-Identifier: Apache-2.0

#include "lib/lowerfs/folder_chain.h"

#include <fcntl.h>
#include <sys/stat.h>

namespace ecryptfs::lowerfs {
namespace {

constexpr std::size_t kOpenFolders = 100;

}  // namespace

void FolderChain::push(base::UniqueFd folder) {
    struct stat status{};
    ::fstat(folder.get(), &status);
    folders_.push_back({std::move(folder), status.st_dev, status.st_ino});
    // The first one stays open, so that it can always be reached.
    if (folders_.size() > kOpenFolders + 1) {
        folders_[folders_.size() - 1 - kOpenFolders].fd.reset();
    }
}

int FolderChain::current() const {
    return folders_.empty() ? -1 : folders_.back().fd.get();
}

bool FolderChain::reach_parent() {
    if (folders_.size() < 2) {
        return true;
    }
    auto& parent = folders_[folders_.size() - 2];
    if (parent.fd || !folders_.back().fd) {
        return static_cast<bool>(parent.fd);
    }
    base::UniqueFd above(
        ::openat(folders_.back().fd.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat status{};
    if (!above || ::fstat(above.get(), &status) != 0 || status.st_dev != parent.device ||
        status.st_ino != parent.inode) {
        return false;
    }
    parent.fd = std::move(above);
    return true;
}

void FolderChain::pop() {
    static_cast<void>(reach_parent());
    folders_.pop_back();
}

}  // namespace ecryptfs::lowerfs
