// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <sys/stat.h>

#include <string>

#include "lib/base/error.h"
#include "lib/base/handle.h"

namespace ecryptfs::cli {

// How the names of what is not finished begin; nothing else may be called so.
inline constexpr char kUnfinishedName[] = ".ecryptfsctl-unfinished";
bool is_unfinished_name(const std::string& name);
// Behind the above, a name that nobody can know before.
std::string new_unfinished_name();

// An error for a system call that should have given something a name: kNameChanged where the file
// system cannot have that name, else as file_error().
base::Error naming_error(std::string_view what, int error_number);

// A new file that gets its name when it is complete, and is gone otherwise. Until then it has none,
// or where the file system knows no such files one that nobody can know before.
class PartFile {
  public:
    // Empty, for its owner only. Borrows the folder.
    static base::Result<PartFile> create(int folder);
    PartFile(PartFile&&) = default;
    PartFile& operator=(PartFile&&) = delete;
    PartFile(const PartFile&) = delete;
    PartFile& operator=(const PartFile&) = delete;
    ~PartFile();

    int fd() const { return fd_.get(); }

    // Once. Never replaces anything: kAlreadyExists. kNameChanged as for naming_error(). May be
    // tried again with another name after a failure.
    base::Result<void> publish(const std::string& name);

  private:
    PartFile(int folder, base::UniqueFd fd, std::string name)
        : folder_(folder), fd_(std::move(fd)), name_(std::move(name)) {}
    bool publish_named(const std::string& name);

    int folder_;
    base::UniqueFd fd_;
    std::string name_;  // empty: none
};

// Removes an unfinished file or folder of an earlier run: one that nobody writes into.
// `fresh` is what a new file of ours, or of whoever made it, looks like in that folder.
void remove_unfinished(int folder, const std::string& name, const struct stat& fresh);

}  // namespace ecryptfs::cli
