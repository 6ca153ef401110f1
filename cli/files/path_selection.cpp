// SPDX-License-Identifier: Apache-2.0

#include "cli/files/path_selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace ecryptfs::cli {

using base::Error;
using base::ErrorCode;
using base::Result;

std::vector<std::string> names_in_path(std::string_view path) {
    std::vector<std::string> names;
    while (!path.empty()) {
        const auto name = path.substr(0, path.find('/'));
        path.remove_prefix(std::min(path.size(), name.size() + 1));
        if (!name.empty() && name != ".") {
            names.emplace_back(name);
        }
    }
    return names;
}

Result<PathSelection> PathSelection::parse(std::span<const std::string> paths) {
    PathSelection selection;
    for (const auto& path : paths) {
        auto names = names_in_path(path);
        if (names.empty() || std::ranges::find(names, "..") != names.end()) {
            return std::unexpected(
                Error{ErrorCode::kInvalidArgument,
                      fmt::format("--only takes a path inside the lower folder, not '{}'", path),
                      "give it as the mount shows it, from the mounted folder: letters/2019.txt"});
        }
        selection.paths_.push_back({path, std::move(names)});
    }
    return selection;
}

bool PathSelection::wants(std::span<const std::string> folders, const std::string& name) {
    bool wanted = paths_.empty();
    for (auto& path : paths_) {
        const auto common = std::min(folders.size(), path.names.size());
        const auto wanted_names = std::span(path.names);
        const bool same = std::ranges::equal(folders.first(common), wanted_names.first(common)) &&
                          (common == path.names.size() || path.names[common] == name);
        path.found = path.found || (same && folders.size() + 1 >= path.names.size());
        wanted = wanted || same;
    }
    return wanted;
}

std::vector<std::string> PathSelection::missing() const {
    std::vector<std::string> missing;
    for (const auto& path : paths_) {
        if (!path.found) {
            missing.push_back(path.text);
        }
    }
    return missing;
}

}  // namespace ecryptfs::cli
