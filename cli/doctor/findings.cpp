// SPDX-License-Identifier: Apache-2.0

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/doctor/diagnosis.h"
#include "cli/output/json_text.h"
#include "cli/output/output.h"

namespace ecryptfs::cli {

using Json = nlohmann::ordered_json;

std::string_view health_name(Health health) {
    switch (health) {
        case Health::kWorks:
            return "works";
        case Health::kDoubtful:
            return "doubtful";
        case Health::kBroken:
            return "broken";
        case Health::kUnknown:
            break;
    }
    return "unknown";
}

Finding broken(std::string link, const base::Error& error) {
    return {std::move(link), Health::kBroken, error.message, error.advice};
}

std::string findings_text(std::span<const Finding> findings) {
    std::string text;
    for (const auto& finding : findings) {
        text += fmt::format("{:<8}  {}: {}\n", health_name(finding.health), printable(finding.link),
                            printable(finding.message));
        if (!finding.advice.empty()) {
            text += fmt::format("{:<8}  try: {}\n", "", printable(finding.advice));
        }
    }
    return text;
}

std::string findings_json(std::span<const Finding> findings) {
    Json links = Json::array();
    for (const auto& finding : findings) {
        links.push_back(
            {{"link", finding.link},
             {"health", health_name(finding.health)},
             {"message", finding.message},
             {"advice", finding.advice.empty() ? Json(nullptr) : Json(finding.advice)}});
    }
    return json_line({{"links", std::move(links)}});
}

}  // namespace ecryptfs::cli
