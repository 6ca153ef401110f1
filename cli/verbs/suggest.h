// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ecryptfs::cli {

// How many letters to insert, leave out, replace or swap with a neighbour to make one of the other.
std::size_t edit_distance(std::string_view left, std::string_view right);

// The known word that was probably meant: one that begins with `typed`, or one a few typing errors
// away. Nothing if none is near.
std::optional<std::string> nearest(std::string_view typed, std::span<const std::string> known);

}  // namespace ecryptfs::cli
