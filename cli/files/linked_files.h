// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <sys/stat.h>

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "lib/base/error.h"

namespace ecryptfs::cli {

// A decrypted file: where it is, and which it was.
struct FileCopy {
    std::string path;  // from the root of the output
    struct stat status;
};

// Where the first names went of lower files that have several. Holds those only of which there are
// names to come.
class LinkedFiles {
  public:
    void remember(const struct stat& lower, FileCopy copy);
    // The copy of a lower file of which another name has come; nothing for the first.
    std::optional<FileCopy> find(const struct stat& lower);

  private:
    struct Entry {
        FileCopy copy;
        nlink_t names;  // that have not come yet
    };
    std::map<std::pair<dev_t, ino_t>, Entry> files_;
};

// Gives a copy below `root` another name in a folder. No link is followed, and another file that
// was put into its place is not taken for it: kNotFound. kNotSupported where the file system has
// one name a file; kAlreadyExists, kNameChanged.
base::Result<void> link_copy(int root, const FileCopy& copy, int folder, const std::string& name);

}  // namespace ecryptfs::cli
