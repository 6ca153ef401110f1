// SPDX-License-Identifier: Apache-2.0
//
// What ecryptfs-utils keeps in a user's home about folders and keys. Read here, never written.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/mount/mounted_folder.h"

namespace ecryptfs::cli {

// What a file says, and which of its values cannot be: "line 2: ecryptfs_sig: …".
struct UtilsOptions {
    FolderOptions options = {};
    std::vector<std::string> problems = {};
};

// ~/.ecryptfsrc: mount options for any folder, separated by commas or line ends. Unknown ones, of
// which some name passphrases, are left out.
UtilsOptions parse_ecryptfsrc(std::string_view text);

// A line of ALIAS.conf, as in fstab(5); nothing if none is of eCryptfs.
struct UtilsFolder {
    std::string lower;
    std::string upper;
    UtilsOptions how;
};
std::optional<UtilsFolder> parse_utils_conf(std::string_view text);

// ALIAS.sig: the key of contents on the first line, that of names on the second, if there is one.
// Lines behind them have no meaning. kMalformed, with the line, for one that is no signature: no
// line takes the place of another.
struct UtilsKeys {
    wire::KeySignature contents;
    std::optional<wire::KeySignature> names = {};
};
base::Result<UtilsKeys> parse_key_lines(std::string_view text);

// Private.mnt: the upper folder on the first line. kMalformed if that is no absolute path.
base::Result<std::string> parse_mount_point(std::string_view text);

// sig-cache.txt: signatures of keys that were once mounted with, one a line. All lines mean the
// same: those that are no signature are left out.
std::vector<wire::KeySignature> parse_signature_cache(std::string_view text);

// What ~/.ecryptfs of this home says of a lower folder (a canonical path): ALIAS.conf and
// ALIAS.sig, or, for ~/.Private, Private.mnt and Private.sig. Errors name the file and the line;
// kMalformed, and those of read_user_file().
base::Result<std::optional<MountedFolder>> utils_folder(const std::string& home,
                                                        const std::string& lower);

// Of ~/.ecryptfsrc; nothing if there is none. Errors as above.
base::Result<std::optional<FolderOptions>> utils_options(const std::string& home);

// Of sig-cache.txt; none if that cannot be read.
std::vector<wire::KeySignature> utils_signatures(const std::string& home);

}  // namespace ecryptfs::cli
