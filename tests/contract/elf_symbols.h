// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>
#include <vector>

namespace ecryptfs::contract {

// The names that a 64-bit shared object defines for others, as `nm -D --defined-only` lists them.
std::vector<std::string> exported_symbols(const std::string& so_path);

}  // namespace ecryptfs::contract
