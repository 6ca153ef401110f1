// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "lib/lower/file_key.h"
#include "lib/lowerfs/lower_file.h"

namespace ecryptfs::lowerfs {

// Whether a file key from a passphrase's packet may be damaged, which nothing in the packet shows.
// The kernel fills the last extent up with zeros, and a wrong key makes noise of them. False if
// there are too few of them to tell, or more extents follow, as after a crash.
bool may_be_of_damaged_key(const LowerFile& file, const lower::FileKey& key);

}  // namespace ecryptfs::lowerfs
