// SPDX-License-Identifier: Apache-2.0
//
// Whether others can read or change a file that holds a secret, and what to do about it.

#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

namespace ecryptfs::base {

struct FileRights {
    mode_t mode = 0;
    uid_t owner = 0;
    bool keeps_modes = true;        // false on FAT and the like, where chmod(1) does nothing
    bool folders_are_open = false;  // the folders above let others through
};

// One line, "others can read SUBJECT: chmod 600 PATH"; nothing if they cannot. `user` uses the
// file. With an empty `path` the line names no file. Pure.
std::optional<std::string> describe_exposure(const FileRights& rights, uid_t user,
                                             std::string_view subject, const std::string& path);

// The same of an open file, for this process's effective user. Nothing if it is not a regular file.
std::optional<std::string> file_exposure(int fd, std::string_view subject, const std::string& path);

}  // namespace ecryptfs::base
