// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lib/base/error.h"

namespace ecryptfs::lowerfs {

// A file or folder that a walk has reached. `folder` and `name` are for the *at() system calls. The
// path that a walk begins with has AT_FDCWD, depth 0 and the path as its name.
struct TreeEntry {
    int folder;
    std::string name;
    std::string path;  // as people see it
    int depth;
    struct stat status;
    int self = -1;  // descriptor of a folder, open for reading and of this `status`; else -1
};

class TreeVisitor {
  public:
    TreeVisitor() = default;
    TreeVisitor(const TreeVisitor&) = delete;
    TreeVisitor& operator=(const TreeVisitor&) = delete;
    virtual ~TreeVisitor() = default;

    // Whether to walk into it. If so, leave_folder() follows when all in it has been visited. In
    // that call `folder` is -1, and `self` too if somebody has moved the folder meanwhile.
    virtual bool enter_folder(const TreeEntry& folder) = 0;
    virtual void leave_folder(const TreeEntry& folder) = 0;
    // Regular files, symbolic links and anything else.
    virtual void visit(const TreeEntry& entry) = 0;
    virtual void unreadable(const std::string& path, const base::Error& error) = 0;
    virtual bool stopped() const { return false; }
};

// Visits `path` and all below it, each folder's entries sorted by name. Only `path` itself may be a
// link. Nothing is looked up twice, so nobody can put a link in its place. Depth costs neither
// stack nor descriptors.
void walk_tree(const std::string& path, TreeVisitor& visitor);

// The names of all entries but "." and "..", unsorted.
base::Result<std::vector<std::string>> names_in_folder(int folder);

// The regular files of trees and their bytes, for a progress bar.
struct TreeSize {
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
};
TreeSize size_of_trees(std::span<const std::string> paths);

}  // namespace ecryptfs::lowerfs
