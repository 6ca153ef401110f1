// SPDX-License-Identifier: Apache-2.0
//
// What to say where the keys that were given do not open what is there.

#pragma once

#include <span>
#include <string>
#include <vector>

#include "cli/files/given_keys.h"
#include "cli/files/key_demand.h"

namespace ecryptfs::cli {

// A line for each key that was given and has opened nothing: its signatures, and where it is from.
std::vector<std::string> describe_unused_keys(const GivenKeys& keys);

// How to give the keys that are missing. Looks at what was given: a passphrase that is the wrapping
// passphrase of a file nearby, or right but for its salt, is recognised. `lower` are the paths
// whose neighbourhood, and the user's home, are searched for wrapped-passphrase files.
std::string missing_key_advice(const KeyDemand& demand, const GivenKeys& keys,
                               std::span<const std::string> lower);

}  // namespace ecryptfs::cli
