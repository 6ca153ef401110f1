// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/suggest.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace ecryptfs::cli {
namespace {

// How far `typed` is from a beginning of `word`, of about its length.
std::size_t slips_in_beginning(std::string_view typed, std::string_view word) {
    std::size_t least = typed.size();
    for (std::size_t size = typed.size() - 1; size <= typed.size() + 1; ++size) {
        least = std::min(least, edit_distance(typed, word.substr(0, size)));
    }
    return least;
}

}  // namespace

std::size_t edit_distance(std::string_view left, std::string_view right) {
    std::vector<std::size_t> before_last(right.size() + 1);
    std::vector<std::size_t> last(right.size() + 1);
    std::vector<std::size_t> row(right.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= left.size(); ++i) {
        before_last.swap(last);
        last.swap(row);
        row[0] = i;
        for (std::size_t j = 1; j <= right.size(); ++j) {
            const std::size_t replaced = last[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
            if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1]) {
                row[j] = std::min(row[j], before_last[j - 2] + 1);
            }
        }
    }
    return row[right.size()];
}

std::optional<std::string> nearest(std::string_view typed, std::span<const std::string> known) {
    const auto distance = [&](const std::string& word) {
        const std::size_t whole = edit_distance(typed, word);
        const bool beginning = typed.size() >= 3 && typed.size() < word.size();
        return beginning ? std::min(whole, slips_in_beginning(typed, word)) : whole;
    };
    const auto best = std::ranges::min_element(known, {}, distance);
    const std::size_t few = std::max<std::size_t>(1, typed.size() / 3);
    if (best == known.end() || distance(*best) > few) {
        return std::nullopt;
    }
    return *best;
}

}  // namespace ecryptfs::cli
