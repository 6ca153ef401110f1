// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "lib/base/error.h"
#include "lib/base/handle.h"

namespace ecryptfs::cli {

// The folder of --output, made for its owner only if it is not there.
base::Result<base::UniqueFd> open_output(const std::string& path);

// The same without following a link: who may write to a folder on the way could lead root
// anywhere. kInvalidArgument, with the path to give instead.
base::Result<base::UniqueFd> open_output_as_root(const std::string& path);

// kAlreadyExists: something is there that was not made of this lower file.
base::Error existing_error(const std::string& name);

}  // namespace ecryptfs::cli
