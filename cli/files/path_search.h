// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>
#include <vector>

#include "cli/files/key_demand.h"
#include "lib/base/error.h"
#include "lib/lowerfs/file_key_set.h"

namespace ecryptfs::cli {

// A lower path for a plain path.
struct FoundPath {
    std::string path;        // below the lower folder as it was named
    std::string plain_path;  // as it was asked for
    std::string kind;        // "file", "folder", "link", "other"
};

struct PathSearch {
    std::vector<FoundPath> found;  // several if several lower names have one plain name
    KeyDemand missing;             // of names on the way
};

// Finds a plain path, as the mount would show it, below the folder `lower`. Reads only the folders
// on the way, and no contents. An error is of a folder that cannot be read.
base::Result<PathSearch> find_lower_paths(const std::string& lower, const std::string& plain_path,
                                          lowerfs::FileKeySet& keys);

}  // namespace ecryptfs::cli
