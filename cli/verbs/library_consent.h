// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <span>
#include <string>

#include "lib/base/error.h"

namespace ecryptfs::cli {

// Lets these libraries open this user's keys from now on, although any program of the user's could
// replace them. Remembers their paths without links, and prints a note. kNotFound,
// kInvalidArgument for what is not a file, and the errors of reading and writing the list.
base::Result<void> allow_libraries(std::span<const std::string> paths);

// The error of a PKI module, with the whole typed command line in the advice instead of the option
// alone: the module does not know the command line.
base::Error add_consent_command(base::Error error);

}  // namespace ecryptfs::cli
