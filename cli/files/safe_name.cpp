// SPDX-License-Identifier: Apache-2.0

#include "cli/files/safe_name.h"

#include <fmt/format.h>
#include <limits.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "lib/base/percent.h"
#include "lib/base/utf8.h"

namespace ecryptfs::cli {
namespace {

// Up to the first dot, in any case.
bool is_dos_device(std::string_view name) {
    std::string base(name.substr(0, name.find('.')));
    std::ranges::transform(base, base.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    while (base.ends_with(' ')) {
        base.pop_back();
    }
    constexpr auto kDevices = std::to_array<std::string_view>({"CON", "PRN", "AUX", "NUL"});
    const bool numbered = base.size() == 4 &&
                          (base.starts_with("COM") || base.starts_with("LPT")) && base[3] >= '1' &&
                          base[3] <= '9';
    return numbered || std::ranges::find(kDevices, base) != kDevices.end();
}

std::string encoded(std::string_view name, std::string_view refused) {
    std::string result;
    for (std::size_t at = 0; at < name.size();) {
        const auto size = base::first_code_point(name.substr(at)).size;
        const char c = name[at];
        const bool last = at + 1 == name.size();
        const bool control = static_cast<std::uint8_t>(c) < 0x20 || c == '\x7f';
        const bool fine = size > 0 && !control && !refused.contains(c) &&
                          !(last && (c == '.' || c == ' ')) && !(at == 0 && is_dos_device(name));
        if (fine) {
            result += name.substr(at, size);
        } else {
            result += base::percent_escape(c);
        }
        at += fine ? size : 1;
    }
    return result;
}

}  // namespace

std::string safe_name(std::string_view name) {
    constexpr std::string_view kRefused = "%:?*|\"\\<>";
    const bool is_safe = encoded(name, kRefused.substr(1)) == name;
    return with_suffix(is_safe ? std::string(name) : encoded(name, kRefused), "");
}

std::string with_suffix(std::string name, std::string_view suffix) {
    auto size = std::min(name.size(), NAME_MAX - suffix.size());
    while (size > 0 && size < name.size() && base::is_continuation(name[size])) {
        --size;
    }
    name.resize(size);
    return name.append(suffix);
}

std::string numbered_name(const std::string& name, unsigned number) {
    return number == 1 ? name : with_suffix(name, fmt::format(".{}", number));
}

}  // namespace ecryptfs::cli
