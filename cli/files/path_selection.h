// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"

namespace ecryptfs::cli {

// Without empty ones and ".".
std::vector<std::string> names_in_path(std::string_view path);

// Which parts of a tree are wanted: paths from its root, in plain names. None: all of it. Pure.
class PathSelection {
  public:
    // kInvalidArgument for a path that is empty or leads out of the tree.
    static base::Result<PathSelection> parse(std::span<const std::string> paths);

    // Whether what has this name, in folders of these names, is wanted or on the way to what is.
    // Remembers what was found.
    bool wants(std::span<const std::string> folders, const std::string& name);

    // Of the paths, those that were not come to.
    std::vector<std::string> missing() const;

  private:
    struct Path {
        std::string text;
        std::vector<std::string> names;
        bool found = false;
    };
    std::vector<Path> paths_;
};

}  // namespace ecryptfs::cli
