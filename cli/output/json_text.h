// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace ecryptfs::cli {

// Indented by two spaces, without a line end. All but ASCII is escaped: names may hold what a
// terminal obeys or what turns the direction of writing. Bytes that are not UTF-8 become U+FFFD.
std::string json_text(const nlohmann::ordered_json& json);

// The same with a line end, as the output of a verb.
std::string json_line(const nlohmann::ordered_json& json);

// null for what is not known, 0 or empty.
nlohmann::ordered_json number_or_null(std::uint64_t number);
nlohmann::ordered_json text_or_null(const std::string& text);

}  // namespace ecryptfs::cli
