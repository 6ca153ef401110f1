// SPDX-License-Identifier: Apache-2.0

#include "lib/pki/code_selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "lib/base/hex.h"

namespace ecryptfs::pki {
namespace {

constexpr auto kChooseNoCode =
    std::to_array<std::string_view>({"auth", "pcrs", "pin-source", "x-mechanism"});
constexpr std::string_view kPlain =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";

bool is_plain(char c) {
    return kPlain.contains(c);
}

// In whose value a parser with other rules than ours could not find a second attribute.
bool chooses_no_code(std::string_view name, std::string_view value) {
    return std::ranges::find(kChooseNoCode, name) != kChooseNoCode.end() &&
           std::ranges::all_of(value, [](char c) {
               return is_plain(c) || c == '%' || c == ':' || c == '+' || c == ',';
           });
}

// What may be written plain or encoded is plain, all else encoded. Nothing if it is not to be read.
std::optional<std::string> normalized(std::string_view value) {
    std::string text;
    for (std::size_t i = 0; i < value.size(); ++i) {
        char c = value[i];
        if (c == '%') {
            const auto byte = base::from_hex(value.substr(i + 1, 2));
            if (!byte || byte->size() != 1) {
                return std::nullopt;
            }
            c = static_cast<char>(byte->front());
            i += 2;
        }
        text +=
            is_plain(c) ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return text;
}

}  // namespace

std::string code_selection(std::string_view locator) {
    std::string selection;
    const auto question = locator.find('?');
    auto rest = question == std::string_view::npos ? "" : locator.substr(question + 1);
    while (!rest.empty()) {
        const auto attribute = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(rest.size(), attribute.size() + 1));
        const auto equals = attribute.find('=');
        if (equals == std::string_view::npos) {
            continue;  // has no value
        }
        const auto name = attribute.substr(0, equals);
        const auto value = attribute.substr(equals + 1);
        if (!chooses_no_code(name, value)) {
            selection +=
                fmt::format("&{}={}", name, normalized(value).value_or(fmt::format("%{}", value)));
        }
    }
    return selection;
}

}  // namespace ecryptfs::pki
