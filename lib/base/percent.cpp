// SPDX-License-Identifier: Apache-2.0

#include "lib/base/percent.h"

#include <fmt/format.h>

#include "lib/base/number.h"

namespace ecryptfs::base {

bool is_unreserved(char c) {
    constexpr std::string_view kUnreserved =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    return kUnreserved.contains(c);
}

std::string percent_escape(char c) {
    return fmt::format("%{:02X}", static_cast<unsigned char>(c));
}

std::optional<std::uint8_t> leading_escape(std::string_view text) {
    return text.size() >= 3 && text.front() == '%'
               ? parse_number<std::uint8_t>(text.substr(1, 2), 16)
               : std::nullopt;
}

std::expected<std::string, std::size_t> percent_decoded(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded += text[i];
            continue;
        }
        const auto byte = leading_escape(text.substr(i));
        if (!byte) {
            return std::unexpected(i);
        }
        decoded += static_cast<char>(*byte);
        i += 2;
    }
    return decoded;
}

}  // namespace ecryptfs::base
