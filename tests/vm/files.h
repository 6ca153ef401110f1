// SPDX-License-Identifier: Apache-2.0
//
// The trees of tests/vectors, and files of the tests' own.

#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/vm/process.h"

namespace ecryptfs::vm {

using Paths = std::vector<std::filesystem::path>;

std::string vector_file(const std::string& name);

// Copies tests/vectors/keys/NAME to ~/keys, which the user alone may read. Gives the path, which is
// the one that the tokens of tests/vectors name.
std::string install_key(const User& user, const std::string& name);

// As the user.
void unpack(const User& user, const std::string& archive, const std::filesystem::path& folder);
// Where plain.tar.xz is unpacked; for reading.
const std::filesystem::path& plain_tree();

// Regular files, at all depths, sorted.
Paths files_in(const std::filesystem::path& folder);
// Reads all as the user; what is not the same in the two, or "".
std::string difference(const User& user, const std::filesystem::path& expected,
                       const std::filesystem::path& actual);

// Makes files of a few bytes, as the user. Gives their paths.
Paths make_files(const User& user, const std::filesystem::path& folder, int count);

}  // namespace ecryptfs::vm
