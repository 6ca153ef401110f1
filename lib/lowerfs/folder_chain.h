// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <sys/types.h>

#include <vector>

#include "lib/base/handle.h"

namespace ecryptfs::lowerfs {

// The folders from a first one down to where the work is. Only the last few are open, so that depth
// costs no descriptors. Those above are opened again as "..", and it is checked that they are the
// same: nobody can lead us elsewhere by moving a folder.
class FolderChain {
  public:
    void push(base::UniqueFd folder);

    // The last folder's descriptor; -1 if it could not be reached again, or there is none.
    int current() const;
    int first() const { return folders_.front().fd.get(); }

    // Opens the last but one again where need be: only as long as the last can be searched. False
    // if that is no longer where the last one is.
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
