// SPDX-License-Identifier: Apache-2.0
//
// Lower paths as people know them.

#pragma once

#include <optional>
#include <string>

#include "lib/lowerfs/file_key_set.h"

namespace ecryptfs::cli {

// A path with all its names that can be decrypted in plain; nothing if none can. A name that would
// lead elsewhere stays encrypted.
std::optional<std::string> plain_path(lowerfs::FileKeySet& keys, const std::string& path);

// A path for messages: in plain as far as it is known, and then the lower name of its last part:
// "secret/thesis.odt (ECRYPTFS_FNEK_ENCRYPTED.FW…)".
std::string shown_path(lowerfs::FileKeySet& keys, const std::string& path);

}  // namespace ecryptfs::cli
