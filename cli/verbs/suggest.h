// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ecryptfs::cli {

// How many letters to insert, leave out, replace or swap with a neighbour to make one of the other.
std::size_t edit_distance(std::string_view left, std::string_view right);

// The known word that `typed` was probably meant to be: one that begins with it, or one a few slips
// away; nothing when none is near.
std::optional<std::string> nearest(std::string_view typed, std::span<const std::string> known);

}  // namespace ecryptfs::cli
