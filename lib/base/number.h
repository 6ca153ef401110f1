// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>
#include <system_error>

namespace ecryptfs::base {

// The number that the whole of `text` is: digits of this base, with a minus sign for signed types.
// Nothing if it is none, or does not fit.
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
