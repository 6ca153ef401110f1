// SPDX-License-Identifier: Apache-2.0

#include "lib/pki/code_selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "lib/base/percent.h"

namespace ecryptfs::pki {
namespace {

constexpr auto kChooseNoCode =
    std::to_array<std::string_view>({"auth", "pcrs", "pin-source", "x-mechanism"});
constexpr std::string_view kEqualsSign = "%3D";  // normalized
constexpr std::string_view kUnreadable = "%%";   // no normalized value begins so

bool is_plain(char c) {
    return base::is_unreserved(c) || c == '/';
}

// Decodes all characters that may stand plain, and encodes all others. Nothing for a bad encoding.
std::optional<std::string> normalized(std::string_view value) {
    const auto decoded = base::percent_decoded(value);
    return decoded ? std::optional(base::percent_encoded(*decoded, is_plain)) : std::nullopt;
}

// A value with an equals sign, in whatever form, could hold a second attribute for a parser with
// other rules than ours.
bool chooses_code(std::string_view name, std::string_view value) {
    return std::ranges::find(kChooseNoCode, name) == kChooseNoCode.end() ||
           value.starts_with(kUnreadable) || value.contains(kEqualsSign);
}

// Values by name. Values of one name keep their order, as it may decide which of them counts.
std::multimap<std::string_view, std::string> attributes(std::string_view query) {
    std::multimap<std::string_view, std::string> found;
    while (!query.empty()) {
        const auto text = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), text.size() + 1));
        const auto equals = text.find('=');
        if (equals == std::string_view::npos) {
            continue;  // has no value
        }
        const auto value = text.substr(equals + 1);
        found.emplace(text.substr(0, equals),
                      normalized(value).value_or(fmt::format("{}{}", kUnreadable, value)));
    }
    return found;
}

}  // namespace

std::string code_selection(std::string_view locator) {
    const auto question = locator.find('?');
    const auto query =
        question == std::string_view::npos ? std::string_view() : locator.substr(question + 1);
    std::string selection;
    for (const auto& [name, value] : attributes(query)) {
        if (chooses_code(name, value)) {
            selection += fmt::format("&{}={}", name, value);
        }
    }
    return selection;
}

}  // namespace ecryptfs::pki
