// SPDX-License-Identifier: Apache-2.0
//
// How folders were mounted, so that the user need not type it again. It is kept in a JSON file of
// the user's, whose form is in docs/mounting.md.

#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/mount/mounted_folder.h"

namespace ecryptfs::cli {

struct RememberedFolder {
    std::string lower = {};  // canonical
    std::string upper = {};
    FolderOptions options = {};                     // without read-only and encrypted view
    std::vector<wire::KeySignature> recovery = {};  // some of options.keys
    std::map<wire::KeySignature, std::string> locators = {};  // of private keys, for add-key
    std::string folder_key = {};       // path of the file with the keys; empty: they are elsewhere
    MountWay way = MountWay::kKernel;  // of the last mount
};

// kMalformed for a text that is not such a file.
base::Result<std::vector<RememberedFolder>> parse_remembered(std::string_view text);
// kNotSupported for a path that is not UTF-8, as JSON is.
base::Result<std::string> remembered_text(const std::vector<RememberedFolder>& folders);

// XDG_CONFIG_HOME or HOME/.config, /ecryptfs-agent/folders.json.
std::string remembered_folders_path(const std::string& home);

// Nothing if the folder is not in the file, or the file does not exist. kMalformed, kAccessDenied.
base::Result<std::optional<RememberedFolder>> remembered_folder(const std::string& path,
                                                                const std::string& lower);
// The last one that was mounted on this upper folder (canonical). As above.
base::Result<std::optional<RememberedFolder>> remembered_upper_folder(const std::string& path,
                                                                      const std::string& upper);
// Replaces what is remembered about that lower folder. Makes the file's folder. kNotSupported as
// for remembered_text(). A file that cannot be read is never overwritten.
base::Result<void> remember(const std::string& path, const RememberedFolder& folder);

}  // namespace ecryptfs::cli
