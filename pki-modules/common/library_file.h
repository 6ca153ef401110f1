// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "lib/base/error.h"

namespace ecryptfs::module {

struct LibraryFile {
    std::string path;            // without links
    bool owned_by_root = false;  // nobody but root can put another file in its place
};

// A library that a key's locator names by its path. kInvalidArgument for a path that is not
// absolute, kNotFound, and kAccessDenied if others than root and this user could put another file
// in its place.
base::Result<LibraryFile> check_library(const std::string& path);

// Any process of the user writes locators, so a locator is not the user's word: kAccessDenied for a
// library that is not root's, unless the user has allowed it before (lib/base/allowed_libraries.h).
base::Result<void> check_consent(const LibraryFile& library);

}  // namespace ecryptfs::module
