// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "lib/base/error.h"

namespace ecryptfs::cli {

// From now on this library may open this user's keys, although any program of the user's could
// exchange it; says so. What is remembered is its path without links. kNotFound, kInvalidArgument
// for what is not a file, and what reading and writing the file of them has.
base::Result<void> allow_library(const std::string& path);

// What a PKI module advised, with the command line that was typed in the place of the option alone:
// the module does not know it.
base::Error with_typed_consent(base::Error error);

}  // namespace ecryptfs::cli
