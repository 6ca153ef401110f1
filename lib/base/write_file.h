// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "lib/base/bytes.h"

namespace ecryptfs::base {

// Writes all of it, however many calls that takes. False, and errno says why.
bool write_all(int fd, ByteView bytes);

// Has the names in a folder be on disk, where its file system can do that.
void sync_folder(const std::string& folder);

}  // namespace ecryptfs::base
