// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <span>
#include <string>

#include "cli/files/path_selection.h"
#include "lib/base/error.h"
#include "lib/lowerfs/file_key_set.h"

namespace ecryptfs::cli {

// Writes the contents of the one wanted file to standard output, with `beyond_size` also what lies
// behind its end. kInvalidArgument, before anything is written, if there are several; kNotFound;
// kMalformed, with what is lost, after all that could be read.
base::Result<void> decrypt_to_standard_output(std::span<const std::string> lower,
                                              lowerfs::FileKeySet& keys, PathSelection selection,
                                              bool beyond_size);

// The error for a path of --only that was not found.
base::Error missing_path_error(const std::string& path);

}  // namespace ecryptfs::cli
