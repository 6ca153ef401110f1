// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstddef>
#include <string_view>

namespace ecryptfs::base {

struct CodePoint {
    char32_t value = 0;
    std::size_t size = 0;  // in bytes
};

// The character that `text` begins with. Size 0 if that is not well-formed UTF-8, as the Unicode
// Standard, table 3-7, has it: nothing overlong, no surrogates, nothing above U+10FFFF.
CodePoint first_code_point(std::string_view text);

// Whether the byte is a later one of a character, and never the first.
constexpr bool is_continuation(char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
}

}  // namespace ecryptfs::base
