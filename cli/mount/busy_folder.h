// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "lib/base/error.h"

namespace ecryptfs::cli {

// kBusy, with the processes that use the folder's file system, as far as this user may see them.
base::Error busy_folder(const std::string& upper);

}  // namespace ecryptfs::cli
