// SPDX-License-Identifier: Apache-2.0
//
// Folder key files on disk: read, made, and changed by one program at a time.

#pragma once

#include <functional>
#include <string>

#include "lib/base/error.h"
#include "lib/folderkey/folder_key_file.h"

namespace ecryptfs::cli {

// kNotFound, kAccessDenied, kMalformed.
base::Result<folderkey::FolderKeyFile> read_folder_key_file(const std::string& path);

// Of mode 0600, whole or not at all. kAlreadyExists where there is anything of that name.
base::Result<void> create_folder_key_file(const std::string& path,
                                          const folderkey::FolderKeyFile& file);

// kAlreadyExists if there is anything of that name: to say so before anybody is asked.
base::Result<void> check_free_path(const std::string& path);

// Reads the file, has `change` change it, and replaces it: whoever dies when, there is the old file
// or the new one. Others who change a file of that folder wait meanwhile, so `change` asks nobody.
// Gives the file as it is now.
base::Result<folderkey::FolderKeyFile> change_folder_key_file(
    const std::string& path,
    const std::function<base::Result<void>(folderkey::FolderKeyFile&)>& change);

// Whether the same folder key is in both, whoever the recipients are. kBusy if it is not: somebody
// has put another file in the place of one that was read.
base::Result<void> check_same_content(const folderkey::FolderKeyFile& file,
                                      const folderkey::FolderKeyFile& read);

// Of a file that somebody else has changed meanwhile.
base::Error changed_file_error();

base::Error unknown_recipient_error(const std::string& kid);

}  // namespace ecryptfs::cli
