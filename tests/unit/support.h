// SPDX-License-Identifier: Apache-2.0
//
// What the unit tests share.

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/support/bytes.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/vectors.h"

namespace ecryptfs::test {

// What `work` gives when it runs in a forked child, which is gone afterwards.
std::string in_child(const std::function<std::string()>& work);

// The words of the VmFlags line in /proc/self/smaps of the mapping that holds `address`.
std::vector<std::string> memory_flags(std::uintptr_t address);

}  // namespace ecryptfs::test
