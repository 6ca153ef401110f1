// SPDX-License-Identifier: Apache-2.0
//
// A file that appears whole, on disk, or not at all.

#pragma once

#include <cstdint>
#include <string>

#include "lib/base/bytes.h"

namespace ecryptfs::base {

enum class IfThere : std::uint8_t { kRefuse, kReplace };

// Writes a file for its owner only, from its birth on. False, and errno says why: EEXIST where
// there is anything of that name, even a dangling link, and it may not be replaced.
// A file that is replaced keeps its owner if root does it. Where `path` is a link, what it leads to
// is replaced.
bool write_atomic_file(const std::string& path, ByteView content, IfThere if_there);

}  // namespace ecryptfs::base
