// SPDX-License-Identifier: Apache-2.0

#include "cli/output/json_text.h"

#include <nlohmann/json.hpp>

namespace ecryptfs::cli {

std::string json_text(const nlohmann::ordered_json& json) {
    constexpr bool kAsciiOnly = true;
    return json.dump(2, ' ', kAsciiOnly, nlohmann::ordered_json::error_handler_t::replace);
}

std::string json_line(const nlohmann::ordered_json& json) {
    return json_text(json) + "\n";
}

nlohmann::ordered_json number_or_null(std::uint64_t number) {
    return number == 0 ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(number);
}

nlohmann::ordered_json text_or_null(const std::string& text) {
    return text.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(text);
}

}  // namespace ecryptfs::cli
