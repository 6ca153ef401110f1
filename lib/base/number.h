// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>
#include <system_error>

namespace ecryptfs::base {

// The whole of `text` as a number: digits of this base, after a minus sign for signed types.
// Nothing if it is not a number, or does not fit.
template <std::integral Number>
std::optional<Number> parse_number(std::string_view text, int number_base = 10) {
    Number number{};
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, number_base);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return number;
}

}  // namespace ecryptfs::base
