// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>
#include <vector>

#include "cli/files/key_demand.h"
#include "lib/base/error.h"
#include "lib/lowerfs/file_key_set.h"

namespace ecryptfs::cli {

// What a plain path stands for in a lower folder.
struct FoundPath {
    std::string path;        // below the lower folder as it was named
    std::string plain_path;  // as it was asked for
    std::string kind;        // "file", "folder", "link", "other"
};

struct PathSearch {
    std::vector<FoundPath> found;  // several if several lower names have one plain name
    KeyDemand missing;             // names on the way that no key opens
};

// Looks for a plain path, below `lower`, as the mount would show it. Reads the folders on the way
// only, and no contents. An error is of a folder that cannot be read.
base::Result<PathSearch> find_lower_paths(const std::string& lower, const std::string& plain_path,
                                          lowerfs::FileKeySet& keys);

}  // namespace ecryptfs::cli
