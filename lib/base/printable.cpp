// SPDX-License-Identifier: Apache-2.0

#include "lib/base/printable.h"

#include <algorithm>

namespace ecryptfs::base {

std::size_t printable_character(std::string_view text) {
    const auto byte = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    const auto tail = [&](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
    const unsigned first = byte(0);
    if (first < 0x80) {
        return first >= 0x20 && first != 0x7f ? 1 : 0;
    }
    if (first >= 0xc2 && first <= 0xdf) {
        const bool c1_control = first == 0xc2 && byte(1) < 0xa0;
        return tail(1) && !c1_control ? 2 : 0;
    }
    if (first >= 0xe0 && first <= 0xef) {
        const bool overlong = first == 0xe0 && byte(1) < 0xa0;
        const bool surrogate = first == 0xed && byte(1) >= 0xa0;
        return tail(1) && tail(2) && !overlong && !surrogate ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        const bool overlong = first == 0xf0 && byte(1) < 0x90;
        const bool too_large = first == 0xf4 && byte(1) >= 0x90;
        return tail(1) && tail(2) && tail(3) && !overlong && !too_large ? 4 : 0;
    }
    return 0;
}

bool is_printable(std::string_view text) {
    while (!text.empty()) {
        const std::size_t size = printable_character(text);
        if (size == 0) {
            return false;
        }
        text.remove_prefix(size);
    }
    return true;
}

std::size_t put_printable(std::span<char> to, std::string_view text) {
    std::size_t used = 0;
    while (!text.empty()) {
        const std::size_t size = printable_character(text);
        const std::string_view shown = size == 0 ? "?" : text.substr(0, size);
        if (shown.size() > to.size() - used) {
            break;
        }
        used += shown.copy(to.data() + used, shown.size());
        text.remove_prefix(std::max<std::size_t>(size, 1));
    }
    return used;
}

}  // namespace ecryptfs::base
