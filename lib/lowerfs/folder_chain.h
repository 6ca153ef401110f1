// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <sys/types.h>

#include <vector>

#include "lib/base/handle.h"

namespace ecryptfs::lowerfs {

// The folders from a first one down to the current one. Only the last few are open, so that depth
// costs no descriptors. Folders above are opened again as ".." and compared: nobody can lead us
// elsewhere by moving a folder.
class FolderChain {
  public:
    void push(base::UniqueFd folder);

    // The current folder's descriptor; -1 if there is none, or it could not be reached again.
    int current() const;
    int first() const { return folders_.front().fd.get(); }

    // Opens the folder above the current one again, if it is closed. The current one must be
    // searchable. False if the current one was moved elsewhere.
    bool reach_parent();
    void pop();

  private:
    struct Folder {
        base::UniqueFd fd;
        dev_t device;
        ino_t inode;
    };

    std::vector<Folder> folders_;
};

}  // namespace ecryptfs::lowerfs
