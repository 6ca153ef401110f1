// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace ecryptfs::module {

// kAlreadyExists if anything is at `path`. Call it before the long work of making a key.
base::Result<void> check_no_file(const std::string& path);

// Writes a new file that only its owner can ever read and write. It appears whole and on disk, or
// not at all, and never replaces another file: kAlreadyExists.
base::Result<void> write_new_key_file(const std::string& path, base::ByteView contents);

}  // namespace ecryptfs::module
