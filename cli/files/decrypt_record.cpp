// SPDX-License-Identifier: Apache-2.0

#include "cli/files/decrypt_record.h"

#include <fmt/format.h>

#include <utility>

#include "cli/files/plain_path.h"
#include "cli/output/output.h"

namespace ecryptfs::cli {
namespace {

constexpr std::uint64_t kMostLines = 1'000;  // on standard error; a tree may have millions of files

}  // namespace

void DecryptRecord::add_failure(const std::string& path, const base::Error& error) {
    print_line(path, error.message);
    ++counts_.failed_items;
    if (counts_.failures.size() == most_kept()) {
        counts_.failures.pop_back();
    }
    const auto shown = shortened_path(path);
    counts_.failures.push_back({shown, error, plain_path(keys_, shown)});
}

void DecryptRecord::add_renamed(const std::string& path, const std::string& name,
                                const std::string& where, std::string reason) {
    print_line(path, fmt::format("saved as {}: {}", name, reason));
    ++counts_.renamed_items;
    if (counts_.renamed.size() < most_kept()) {
        const auto shown = shortened_path(path);
        counts_.renamed.push_back(
            {shown, shortened_path(where), std::move(reason), plain_path(keys_, shown)});
    }
}

void DecryptRecord::add_warning(const std::string& path, const std::string& warning) {
    print_line(path, fmt::format("warning: {}", warning));
}

// They stay in memory until the end.
std::uint64_t DecryptRecord::most_kept() const {
    return json_ ? kMostInJson : kMostLines;
}

void DecryptRecord::print_line(const std::string& path, const std::string& what) {
    if (lines_ == kMostLines) {
        ++counts_.unlisted;
        return;
    }
    ++lines_;
    progress_.clear();
    complain(fmt::format("{}: {}", shown_path(keys_, path), what));
}

}  // namespace ecryptfs::cli
