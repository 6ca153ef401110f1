// SPDX-License-Identifier: Apache-2.0
//
// Whether a file that holds a secret is open to others, and what to do about it.

#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

namespace ecryptfs::base {

struct FileRights {
    mode_t mode = 0;
    uid_t owner = 0;
    bool keeps_modes = true;        // not FAT and the like, where chmod(1) does nothing
    bool folders_are_open = false;  // others may reach it as far as the folders above it go
};

// One line, "others can read SUBJECT: chmod 600 PATH"; nothing if they cannot. `user` is who uses
// the file; with an empty `path` it is not named. Pure.
std::optional<std::string> exposure_of(const FileRights& rights, uid_t user,
                                       std::string_view subject, const std::string& path);

// The same of an open file, for this process's effective user. Nothing for what is no regular file.
std::optional<std::string> file_exposure(int fd, std::string_view subject, const std::string& path);

}  // namespace ecryptfs::base
