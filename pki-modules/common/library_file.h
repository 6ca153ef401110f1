// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "lib/base/error.h"

namespace ecryptfs::module {

// For a library that a key's locator names by its path: the path to load it by, without links.
// kInvalidArgument for a path that is not absolute, kNotFound, and kAccessDenied if others than
// root and this user could put another file in its place.
base::Result<std::string> checked_library(const std::string& path);

}  // namespace ecryptfs::module
