// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "cli/files/path_selection.h"
#include "cli/verbs/verbs.h"
#include "lib/base/error.h"
#include "lib/lowerfs/file_key_set.h"

namespace ecryptfs::cli {

// Writes the contents of the one file that was asked for to standard output. kInvalidArgument, and
// nothing is written, if there are several; kNotFound; kMalformed, with what is lost, behind all
// that could be read.
base::Result<void> decrypt_to_standard_output(const Decrypt& command, lowerfs::FileKeySet& keys,
                                              PathSelection selection);

// An error for a path of --only that is nowhere.
base::Error missing_path_error(const std::string& path);

}  // namespace ecryptfs::cli
