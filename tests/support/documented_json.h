// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace ecryptfs::test {

// The example in docs/json.md under the heading of a verb.
nlohmann::ordered_json documented_json(const std::string& verb);

}  // namespace ecryptfs::test
