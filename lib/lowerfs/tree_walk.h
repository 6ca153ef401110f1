// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lib/base/error.h"

namespace ecryptfs::lowerfs {

// What a walk has come to. `folder` and `name` are for the *at() system calls; what was typed has
// AT_FDCWD, depth 0 and its path as the name.
struct TreeEntry {
    int folder;
    std::string name;
    std::string path;  // as people see it
    int depth;
    struct stat status;
    int self = -1;  // a folder, open for reading; `status` is its own then. -1 for all else
};

class TreeVisitor {
  public:
    TreeVisitor() = default;
    TreeVisitor(const TreeVisitor&) = delete;
    TreeVisitor& operator=(const TreeVisitor&) = delete;
    virtual ~TreeVisitor() = default;

    // Whether to go into it; then leave_folder() comes when all that is in it has been seen. There,
    // `folder` and perhaps `self` are -1: somebody may have moved it meanwhile.
    virtual bool enter_folder(const TreeEntry& folder) = 0;
    virtual void leave_folder(const TreeEntry& folder) = 0;
    // Regular files, symbolic links and anything else.
    virtual void visit(const TreeEntry& entry) = 0;
    virtual void unreadable(const std::string& path, const base::Error& error) = 0;
    virtual bool stopped() const { return false; }
};

// What is at `path`, and all below it, each folder's entries by their names. Links are followed
// only in what was typed; on the way nothing is looked up twice, so that nobody can move a link in.
// Depth costs neither stack nor descriptors.
void walk_tree(const std::string& path, TreeVisitor& visitor);

// All but "." and "..", in no order.
base::Result<std::vector<std::string>> names_in_folder(int folder);

// How much there is to do, for a progress bar: regular files, and their bytes.
struct TreeSize {
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
};
TreeSize size_of_trees(std::span<const std::string> paths);

}  // namespace ecryptfs::lowerfs
