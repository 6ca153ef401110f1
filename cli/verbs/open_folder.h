// SPDX-License-Identifier: Apache-2.0
//
// Opens a folder key for `add-key` and `unlock`.

#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "cli/folder_key/answers.h"
#include "lib/base/error.h"
#include "lib/folderkey/folder_key.h"
#include "lib/pki/host_process.h"

namespace ecryptfs::cli {

// Whether it is the path of a file that looks like a folder key, and not another kind of key.
bool is_folder_key_file(const std::string& typed);

// Opens it by the first recipient that is at hand, and puts its keys where mounts find them. A
// kernel without eCryptfs gets none.
base::Result<folderkey::FolderKey> open_folder(const std::string& path, const AnswerFiles& answers,
                                               const pki::HostPaths& paths,
                                               std::optional<std::chrono::seconds> timeout = {});

}  // namespace ecryptfs::cli
