// SPDX-License-Identifier: Apache-2.0
//
// Percent-encoding, RFC 3986 section 2.1: a byte as "%" and two hexadecimal digits.

#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace ecryptfs::base {

// RFC 3986 section 2.3: letters, digits, and -._~
bool is_unreserved(char c);

// "%2F"
std::string percent_escape(char c);

// The byte of the escape that `text` begins with; nothing if it begins with none.
std::optional<std::uint8_t> leading_escape(std::string_view text);

// The bytes of which `is_plain` says so stand for themselves, all others are escaped.
template <typename IsPlain>
std::string percent_encoded(std::string_view text, IsPlain is_plain) {
    std::string encoded;
    for (const char c : text) {
        if (is_plain(c)) {
            encoded += c;
        } else {
            encoded += percent_escape(c);
        }
    }
    return encoded;
}

// Any bytes, NUL too. The error is where the first bad escape begins.
std::expected<std::string, std::size_t> percent_decoded(std::string_view text);

}  // namespace ecryptfs::base
