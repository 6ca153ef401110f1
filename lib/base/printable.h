// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace ecryptfs::base {

// Size in bytes of the character that `text` begins with. 0 if that is a control character, or not
// well-formed UTF-8.
std::size_t printable_character(std::string_view text);

// Whether each character of the text is printable.
bool is_printable(std::string_view text);

// Writes `text` with '?' for each byte that is not printable, and as many whole characters as fit.
// Gives how many bytes it wrote.
std::size_t put_printable(std::span<char> to, std::string_view text);

}  // namespace ecryptfs::base
