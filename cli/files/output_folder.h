// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "lib/base/error.h"
#include "lib/base/handle.h"

namespace ecryptfs::cli {

// Opens the folder of --output. Makes it, for its owner only, if it does not exist.
base::Result<base::UniqueFd> open_output(const std::string& path);

// The same without following a link: whoever may write to a folder on the way could lead root
// anywhere. kInvalidArgument, with advice which path to give.
base::Result<base::UniqueFd> open_output_as_root(const std::string& path);

// kAlreadyExists, for a file in the output that is not a copy of the lower file.
base::Error existing_error(const std::string& name);

}  // namespace ecryptfs::cli
