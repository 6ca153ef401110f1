// SPDX-License-Identifier: Apache-2.0
//
// Files of tests/vectors, which ecryptfs-utils and the kernel wrote.

#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace ecryptfs::test {

// The passphrases of tests/vectors/README.md.
inline constexpr char kCorrectHorsePassphrase[] = "correct-horse";
inline constexpr char kBatteryStaple[] = "battery-staple";

std::filesystem::path vectors();
std::string vector_path(std::string_view name);
// Of tests/vectors/keys.
std::string vector_key(std::string_view name);

// Unpacks an archive into a folder, which need not be there.
void unpack_vector(const std::string& archive, const std::filesystem::path& folder);

// What two trees differ in, as diff says it; contents, names and links.
std::string difference(const std::string& left, const std::string& right);

}  // namespace ecryptfs::test
