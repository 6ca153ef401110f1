// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

namespace ecryptfs::test {

// Runs this program again where it cannot touch anybody's keys, and gives its exit code: in a user
// namespace, which has a user keyring of its own, and when started as root as an ordinary user
// that nobody else uses, with that user's small quota of keys. The password database gives that
// user an empty home, which goes with the program. When started as root it also sees no folders
// that are mounted already.
int run_with_private_keyrings(char** argv);

// Whether this is the program that was run again.
bool keyrings_are_private();

// As if that user had allowed this library to open keys: ecryptfsctl add-key --allow-library.
void allow_library(const std::string& path);

}  // namespace ecryptfs::test
