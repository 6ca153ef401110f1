// SPDX-License-Identifier: Apache-2.0

#include "lib/base/utf8.h"

#include <algorithm>

namespace ecryptfs::base {
namespace {

// The size in bytes that the first byte of a character announces; 0 if it begins none.
std::size_t announced_size(unsigned char first) {
    if (first < 0x80) {
        return 1;
    }
    if (first < 0xc2 || first > 0xf4) {
        return 0;
    }
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

}  // namespace

CodePoint first_code_point(std::string_view text) {
    const auto first = text.empty() ? '\xff' : text.front();
    const auto lead = static_cast<unsigned char>(first);
    const std::size_t size = announced_size(lead);
    if (size == 0 || text.size() < size ||
        !std::ranges::all_of(text.substr(1, size - 1), is_continuation)) {
        return {};
    }
    if (size == 1) {
        return {lead, 1};
    }
    char32_t value = lead & (0x7fU >> size);
    for (const char c : text.substr(1, size - 1)) {
        value = (value << 6) | (static_cast<unsigned char>(c) & 0x3fU);
    }
    const bool overlong = (size == 3 && value < 0x800) || (size == 4 && value < 0x10000);
    const bool surrogate = value >= 0xd800 && value < 0xe000;
    return overlong || surrogate || value > 0x10ffff ? CodePoint{} : CodePoint{value, size};
}

}  // namespace ecryptfs::base
