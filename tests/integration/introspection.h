// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <map>
#include <set>
#include <string>

namespace ecryptfs::test {

// What introspection XML says, by interface: a line for each method and signal with its arguments,
// and for each property with type, access and when it tells of changes.
std::map<std::string, std::set<std::string>> members_by_interface(const std::string& xml);

}  // namespace ecryptfs::test
