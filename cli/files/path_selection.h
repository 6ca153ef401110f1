// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"

namespace ecryptfs::cli {

// The names between a path's slashes, without empty ones and ".".
std::vector<std::string> names_in_path(std::string_view path);

// The wanted parts of a tree, as paths of plain names from its root. No paths: all of it. Pure.
class PathSelection {
  public:
    // kInvalidArgument for a path that is empty or leads out of the tree.
    static base::Result<PathSelection> parse(std::span<const std::string> paths);

    // Whether an entry of this name, in folders of these names, is wanted or on the way to a wanted
    // one. Remembers which paths were found.
    bool wants(std::span<const std::string> folders, const std::string& name);

    // The paths that were not found.
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
