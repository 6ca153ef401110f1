// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <sys/stat.h>

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "lib/base/error.h"

namespace ecryptfs::cli {

// A decrypted file in the output. Its status tells whether another file has taken its place.
struct FileCopy {
    std::string path;  // from the root of the output
    struct stat status;
};

// The copies of lower files with several names. Forgets a file when all its names were found.
class LinkedFiles {
  public:
    void remember(const struct stat& lower, FileCopy copy);
    // The copy of a lower file; nothing if this is the first of its names.
    std::optional<FileCopy> find(const struct stat& lower);

  private:
    struct Entry {
        FileCopy copy;
        nlink_t names;  // not found yet
    };
    std::map<std::pair<dev_t, ino_t>, Entry> files_;
};

// Gives a copy below `root` another name in a folder. Follows no link. kNotFound if another file
// was put into its place, kNotSupported if the file system has no hard links, kAlreadyExists,
// kNameChanged.
base::Result<void> link_copy(int root, const FileCopy& copy, int folder, const std::string& name);

}  // namespace ecryptfs::cli
