// SPDX-License-Identifier: Apache-2.0
//
// Lower paths for people.

#pragma once

#include <optional>
#include <string>

#include "lib/lowerfs/file_key_set.h"

namespace ecryptfs::cli {

// The path with every name decrypted that can be; nothing if none can. A name that would lead
// elsewhere, such as "..", stays encrypted.
std::optional<std::string> plain_path(lowerfs::FileKeySet& keys, const std::string& path);

// The path for messages: decrypted as far as possible, then the last part's lower name:
// "secret/thesis.odt (ECRYPTFS_FNEK_ENCRYPTED.FW…)".
std::string shown_path(lowerfs::FileKeySet& keys, const std::string& path);

}  // namespace ecryptfs::cli
