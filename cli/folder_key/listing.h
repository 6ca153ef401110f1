// SPDX-License-Identifier: Apache-2.0
//
// What a folder key file says of itself, for people and scripts.

#pragma once

#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/folderkey/folder_key_file.h"

namespace ecryptfs::cli {

// A table of the recipients.
std::string recipients_text(const folderkey::FolderKeyFile& file);

// What --json prints (docs/json.md).
std::string folder_key_json(const std::string& path, const folderkey::FolderKeyFile& file,
                            const std::vector<std::string>& warnings);

// What its owner should know: that there is no recovery key.
std::vector<std::string> folder_key_warnings(const std::string& path,
                                             const folderkey::FolderKeyFile& file);

// The end of each verb that changes a file: its warnings, and with `json` what it is now.
base::Result<void> report_folder_key(const std::string& path, const folderkey::FolderKeyFile& file,
                                     bool json);

}  // namespace ecryptfs::cli
