// SPDX-License-Identifier: Apache-2.0
//
// Libraries of the user's own that may open keys, since the user said so: a file of the user's with
// a path on each line. ecryptfsctl writes it, the host of a module reads it.
//
// It is below the home that the password database names, not the environment: the agent and its
// hosts have the variables of the service manager, ecryptfsctl those of a shell, and both must find
// the same file.

#pragma once

#include <string>
#include <string_view>

#include "lib/base/error.h"

namespace ecryptfs::base {

// HOME/.config/ecryptfs-agent/libraries of this process's effective user. kNotFound for a user
// that has no home.
Result<std::string> allowed_libraries_path();

// Whether a line of that file is `library`, a path without links. False if there is no such file.
// kAccessDenied for one that somebody else could have written, kMalformed for what is no such file.
Result<bool> is_allowed_library(const std::string& file, std::string_view library);

}  // namespace ecryptfs::base
