// SPDX-License-Identifier: Apache-2.0
//
// The entries of a lower folder, a part at a time: it may have a million of them. Offsets are those
// of the lower file system, so that a reader may go on anywhere.

#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "fuse/outcome.h"
#include "lib/base/handle.h"

namespace ecryptfs::fuse {

struct LowerEntry {
    std::string_view name;  // until the next call
    ino_t inode = 0;
    mode_t type = 0;  // of struct stat; 0 if it is not known
    off_t next = 0;   // where the entry behind this one is
};

// One thread at a time.
class FolderStream {
  public:
    // `fd` is of a folder, open for reading.
    explicit FolderStream(base::UniqueFd fd) : fd_(std::move(fd)) {}

    // The entry at 0, or at another one's `next`; nothing at the end. Entries are in any order, "."
    // and ".." among them.
    Outcome<std::optional<LowerEntry>> at(off_t offset);

  private:
    Outcome<void> refill();

    base::UniqueFd fd_;
    std::vector<char> buffer_;
    std::size_t size_ = 0;   // of what is in it
    std::size_t place_ = 0;  // of an entry in it
    off_t offset_ = 0;       // of that entry
    bool is_placed_ = false;
};

}  // namespace ecryptfs::fuse
