// SPDX-License-Identifier: Apache-2.0
//
// The files that ecryptfs-utils keeps in a user's home about folders and keys. They are only read.

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/mount/mounted_folder.h"

namespace ecryptfs::cli {

// The options in a file, and its impossible values: "line 2: ecryptfs_sig: …".
struct UtilsOptions {
    FolderOptions options = {};
    std::vector<std::string> problems = {};
};

// ~/.ecryptfsrc: mount options for any folder, separated by commas or line ends. Unknown options
// are left out: some of them name passphrases.
UtilsOptions parse_ecryptfsrc(std::string_view text);

// A line of ALIAS.conf, as in fstab(5). Nothing if no line is about eCryptfs.
struct UtilsFolder {
    std::string lower;
    std::string upper;
    UtilsOptions mount_options;
};
std::optional<UtilsFolder> parse_utils_conf(std::string_view text);

// ALIAS.sig: the first line is the key of contents, the second one that of names, if there is one.
// Later lines have no meaning. kMalformed, with the line, for one that is not a signature: no line
// takes the place of another.
struct UtilsKeys {
    wire::KeySignature contents;
    std::optional<wire::KeySignature> names = {};
};
base::Result<UtilsKeys> parse_key_lines(std::string_view text);

// Private.mnt: the upper folder on the first line. kMalformed if it is not an absolute path.
base::Result<std::string> parse_mount_point(std::string_view text);

// sig-cache.txt: the signatures of keys that were used for mounts, one on each line. All lines mean
// the same, so those that are not a signature are left out.
std::vector<wire::KeySignature> parse_signature_cache(std::string_view text);

// What ~/.ecryptfs of this home says about a lower folder (a canonical path): ALIAS.conf and
// ALIAS.sig, or for ~/.Private: Private.mnt and Private.sig. Errors name the file and the line;
// kMalformed, and those of read_user_file().
base::Result<std::optional<MountedFolder>> utils_folder(const std::string& home,
                                                        const std::string& lower);

// The options in ~/.ecryptfsrc; nothing if the file does not exist. Errors as above.
base::Result<std::optional<FolderOptions>> utils_options(const std::string& home);

// The signatures in sig-cache.txt; none if it cannot be read.
std::vector<wire::KeySignature> utils_signatures(const std::string& home);

}  // namespace ecryptfs::cli
