// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace ecryptfs::module {

// kAlreadyExists if there is anything at `path`: to ask before the long work of making a key.
base::Result<void> check_no_file(const std::string& path);

// A new file that only its owner may read and write, from the first moment on. It appears whole, on
// disk, or not at all, and never in the place of another: kAlreadyExists.
base::Result<void> write_new_key_file(const std::string& path, base::ByteView contents);

}  // namespace ecryptfs::module
