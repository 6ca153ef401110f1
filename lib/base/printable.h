// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace ecryptfs::base {

// Bytes of the well-formed UTF-8 character that `text` begins with; 0 if it does not, or if that is
// a control character. The Unicode Standard, table 3-7.
std::size_t printable_character(std::string_view text);

// Whether it is made of such characters.
bool is_printable(std::string_view text);

// Writes `text` with '?' for what is none, as many whole characters as there is room for. Gives the
// bytes that were written.
std::size_t put_printable(std::span<char> to, std::string_view text);

}  // namespace ecryptfs::base
