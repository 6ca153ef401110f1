// SPDX-License-Identifier: Apache-2.0
//
// Advice where the given keys do not open the files.

#pragma once

#include <span>
#include <string>
#include <vector>

#include "cli/files/given_keys.h"
#include "cli/files/key_demand.h"

namespace ecryptfs::cli {

// A line for each given key that has opened nothing: its signatures, and where it is from.
std::vector<std::string> describe_unused_keys(const GivenKeys& keys);

// How to give the missing keys. Recognises a given passphrase that is the wrapping passphrase of a
// file nearby, or needs another salt only. Searches the folders above the paths `lower`, and the
// user's home, for wrapped-passphrase files.
std::string missing_key_advice(const KeyDemand& demand, const GivenKeys& keys,
                               std::span<const std::string> lower);

}  // namespace ecryptfs::cli
