// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace ecryptfs::cli {

// As it is printed: two-space indented, without a line end. All but ASCII is escaped, for names may
// hold what a terminal obeys or what turns the direction of writing; U+FFFD for bytes that are not
// UTF-8.
std::string json_text(const nlohmann::ordered_json& json);

}  // namespace ecryptfs::cli
