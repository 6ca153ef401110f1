// SPDX-License-Identifier: Apache-2.0

#include "cli/files/plain_path.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/output/output.h"

namespace ecryptfs::cli {
namespace {

// Whether a name can be a part of a path.
bool is_file_name(const std::string& name) {
    return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos;
}

}  // namespace

std::optional<std::string> plain_path(lowerfs::FileKeySet& keys, const std::string& path) {
    std::string result;
    bool any = false;
    std::size_t at = 0;
    while (at <= path.size()) {
        const auto end = std::min(path.find('/', at), path.size());
        const auto part = path.substr(at, end - at);
        const auto plain = keys.plain_name(part);
        const bool known = plain && *plain != part && is_file_name(*plain);
        any = any || known;
        result += known ? *plain : part;
        result += end < path.size() ? "/" : "";
        at = end + 1;
    }
    return any ? std::optional(std::move(result)) : std::nullopt;
}

std::string shown_path(lowerfs::FileKeySet& keys, const std::string& whole_path) {
    const auto path = shortened_path(whole_path);
    const auto plain = plain_path(keys, path);
    const auto last = path.substr(path.find_last_of('/') + 1);
    return !plain ? path : plain->ends_with(last) ? *plain : fmt::format("{} ({})", *plain, last);
}

}  // namespace ecryptfs::cli
