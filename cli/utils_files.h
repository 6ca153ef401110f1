// SPDX-License-Identifier: Apache-2.0
//
// What ecryptfs-utils keeps in a user's home about folders and keys. Read here, never written.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/mounted_folder.h"

namespace ecryptfs::cli {

// ~/.ecryptfsrc: mount options for any folder, separated by commas or line ends. Unknown ones, of
// which some name passphrases, are left out.
struct UtilsOptions {
    FolderOptions options = {};
    std::vector<std::string> problems = {};  // values that cannot be, one line each
};
UtilsOptions parse_ecryptfsrc(std::string_view text);

// A line of ALIAS.conf, as in fstab(5); nothing if it is none of eCryptfs.
std::optional<MountedFolder> parse_utils_conf(std::string_view text);

// ALIAS.sig and sig-cache.txt: a signature a line. Lines that are none are left out.
std::vector<wire::KeySignature> parse_signatures(std::string_view text);

// What ~/.ecryptfs of this home says of a lower folder (a canonical path): of ALIAS.conf and
// ALIAS.sig, or, for ~/.Private, of Private.mnt and Private.sig. ALIAS.sig has the key for
// contents, then that for names.
std::optional<MountedFolder> utils_folder(const std::string& home, const std::string& lower);

// Of ~/.ecryptfsrc; nothing if there is none.
std::optional<UtilsOptions> utils_options(const std::string& home);

// Signatures of keys that were mounted with once.
std::vector<wire::KeySignature> utils_signatures(const std::string& home);

}  // namespace ecryptfs::cli
