// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <sys/stat.h>

#include <string>

#include "lib/base/error.h"
#include "lib/base/handle.h"

namespace ecryptfs::cli {

// The beginning of names of unfinished files and folders. Nothing else may have such a name.
inline constexpr char kUnfinishedName[] = ".ecryptfsctl-unfinished";
bool is_unfinished_name(const std::string& name);
// A name with that beginning which nobody can guess.
std::string new_unfinished_name();

// The error of a system call that gives something a name: kNameChanged if the file system cannot
// have that name, else file_error().
base::Error naming_error(std::string_view what, int error_number);

// A new file that gets its name when it is complete, and vanishes otherwise. Until then it has no
// name or, where the file system has no such files, one that nobody can guess.
class PartFile {
  public:
    // Makes an empty file, for its owner only. Borrows the folder.
    static base::Result<PartFile> create(int folder);
    PartFile(PartFile&&) = default;
    PartFile& operator=(PartFile&&) = delete;
    PartFile(const PartFile&) = delete;
    PartFile& operator=(const PartFile&) = delete;
    ~PartFile();

    int fd() const { return fd_.get(); }

    // Gives the file its name, once. Replaces nothing: kAlreadyExists. kNameChanged as in
    // naming_error(). After a failure it may be called again with another name.
    base::Result<void> publish(const std::string& name);

  private:
    PartFile(int folder, base::UniqueFd fd, std::string name)
        : folder_(folder), fd_(std::move(fd)), name_(std::move(name)) {}
    bool publish_named(const std::string& name);

    int folder_;
    base::UniqueFd fd_;
    std::string name_;  // empty: none
};

// Removes an unfinished file or folder of an earlier run, if nobody writes into it. `fresh` is the
// status of a new file of ours, or of the maker's, in that folder.
void remove_unfinished(int folder, const std::string& name, const struct stat& fresh);

}  // namespace ecryptfs::cli
