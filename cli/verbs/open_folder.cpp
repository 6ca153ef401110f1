// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/open_folder.h"

#include <filesystem>
#include <fstream>

#include "cli/folder_key/file_store.h"
#include "cli/folder_key/kernel_keys.h"
#include "cli/folder_key/opening.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {

using base::ErrorCode;
using base::Result;

bool is_folder_key_file(const std::string& typed) {
    std::error_code failed;
    if (!std::filesystem::is_regular_file(typed, failed)) {
        return false;
    }
    char first = 0;
    return static_cast<bool>(std::ifstream(typed) >> first) && first == '{';
}

Result<folderkey::FolderKey> open_folder(const std::string& path, const AnswerFiles& answers,
                                         const pki::HostPaths& paths,
                                         std::optional<std::chrono::seconds> timeout) {
    const auto file = TRY(read_folder_key_file(path));
    auto opened = TRY(open_folder_key(file, {paths, {}, make_answers(answers, path)}));
    for (const auto* key : {&opened.key.contents, &opened.key.names}) {
        const auto loaded = load_into_kernel(*key, timeout);
        if (!loaded && loaded.error().code != ErrorCode::kNotSupported) {
            return std::unexpected(loaded.error());
        }
    }
    TRY(hand_to_mounts(opened.key));
    return std::move(opened.key);
}

}  // namespace ecryptfs::cli
