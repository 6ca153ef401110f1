// SPDX-License-Identifier: Apache-2.0

#include "lib/base/printable.h"

#include <algorithm>

#include "lib/base/utf8.h"

namespace ecryptfs::base {

std::size_t printable_character(std::string_view text) {
    const auto [value, size] = first_code_point(text);
    const bool is_control = value < 0x20 || (value >= 0x7f && value < 0xa0);
    return is_control ? 0 : size;
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
