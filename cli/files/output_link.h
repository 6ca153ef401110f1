// SPDX-License-Identifier: Apache-2.0
//
// Reads and makes symbolic links. Follows none.

#pragma once

#include <sys/stat.h>

#include <string>

#include "lib/base/error.h"

namespace ecryptfs::cli {

struct SymbolicLink {
    std::string target;
    struct stat status;
};

// Both parts are of the same link, even if somebody puts another into its place.
base::Result<SymbolicLink> read_link(int folder, const std::string& name);

// kAlreadyExists, kNameChanged; kNotSupported, with the target, where there are no links.
base::Result<void> make_link(int folder, const std::string& name, const std::string& target);

// Gives a link that make_link() made the times and, as root, the owner in `status`. Only if the
// link is the `maker`'s and has this target: somebody may have put another into its place.
void give_link_attributes(int folder, const std::string& name, const std::string& target,
                          uid_t maker, const struct stat& status);

}  // namespace ecryptfs::cli
