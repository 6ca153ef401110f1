// SPDX-License-Identifier: Apache-2.0

#pragma once

namespace ecryptfs::test {

// Runs this program again where it cannot touch anybody's keys, and gives its exit code: in a user
// namespace, which has a user keyring of its own, and when started as root as an ordinary user
// that nobody else uses, with that user's small quota of keys.
int run_with_private_keyrings(char** argv);

// Whether this is the program that was run again.
bool keyrings_are_private();

}  // namespace ecryptfs::test
