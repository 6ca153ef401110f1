// SPDX-License-Identifier: Apache-2.0
//
// Lower files as the kernel would write them.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/base/handle.h"

namespace ecryptfs::test {

// A lower file of this plaintext, under the passphrase `correct-horse`.
std::string lower_file_of(const std::vector<std::uint8_t>& plain);

// Folders of this name, each in the one before, deeper than a path can say. rm -r removes them.
// Gives the last one.
base::UniqueFd make_deep_folders(const std::string& folder, const std::string& name, int depth);

// A lower name for a plain one, under the names' key of `battery-staple`.
std::string lower_name_of(const std::string& plain);

}  // namespace ecryptfs::test
