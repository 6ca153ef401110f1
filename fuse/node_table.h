// SPDX-License-Identifier: Apache-2.0
//
// The lower files and folders that the kernel knows of, by the numbers that it calls them by.

#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "fuse/file_contents.h"
#include "fuse/outcome.h"
#include "lib/base/handle.h"

namespace ecryptfs::fuse {

// The plain size that a lower file's header had when the file was like this.
struct KnownSize {
    timespec changed_at;
    off_t lower_size;
    std::uint64_t plain_size;
};

struct Node {
    std::uint64_t id = 0;
    base::UniqueFd fd;  // O_PATH: neither names nor links lead elsewhere any more
    dev_t device = 0;
    ino_t inode = 0;
    std::uint64_t lookups = 0;  // that the kernel has not forgotten
    std::optional<KnownSize> known_size = {};
    std::uint64_t opens = 0;
    bool can_write = false;                       // `contents` can
    std::unique_ptr<FileContents> contents = {};  // while it is open

    // By which a system call that knows paths only reaches it.
    std::string path() const;
    Outcome<struct stat> status() const;
    // Another descriptor of the same file.
    Outcome<base::UniqueFd> reopen(int flags) const;
};

class NodeTable {
  public:
    static constexpr std::uint64_t kRoot = 1;  // FUSE_ROOT_ID

    // `root`: the lower folder.
    explicit NodeTable(base::UniqueFd root);

    // Null for a number that is not, or no longer, in use.
    Node* find(std::uint64_t id);

    // The node of what an O_PATH descriptor is of, which is new or known by another name. Counts a
    // look-up.
    Outcome<Node*> add(base::UniqueFd fd);

    // The kernel has forgotten so many look-ups.
    void forget(std::uint64_t id, std::uint64_t lookups);
    // A file was closed for the last time.
    void drop_if_unused(Node& node);

    std::size_t size() const { return nodes_.size(); }

  private:
    std::unordered_map<std::uint64_t, std::unique_ptr<Node>> nodes_;
    std::map<std::pair<dev_t, ino_t>, std::uint64_t> ids_;
    std::uint64_t last_id_ = kRoot;
};

}  // namespace ecryptfs::fuse
