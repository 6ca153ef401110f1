// SPDX-License-Identifier: Apache-2.0
//
// Symbolic links, read and made; none is ever followed.

#pragma once

#include <sys/stat.h>

#include <string>

#include "lib/base/error.h"

namespace ecryptfs::cli {

struct SymbolicLink {
    std::string target;
    struct stat status;
};

// Both of one link, whoever may put others into its place.
base::Result<SymbolicLink> read_link(int folder, const std::string& name);

// kAlreadyExists, kNameChanged; kNotSupported, with the target, where there are no links.
base::Result<void> make_link(int folder, const std::string& name, const std::string& target);

// Gives the link that make_link() made the times and, as root, the owner of another. Nothing else
// that somebody may have put into its place: it must be the `maker`'s, and have that target.
void give_link_attributes(int folder, const std::string& name, const std::string& target,
                          uid_t maker, const struct stat& status);

}  // namespace ecryptfs::cli
