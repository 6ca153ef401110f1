// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>
#include <vector>

#include "cli/verbs/recipient_options.h"
#include "cli/verbs/verb.h"

namespace ecryptfs::cli {

struct CreateFolderKeyOptions {
    static constexpr VerbText kText{
        "create-folder-key", "Make a folder's key, in a file that several recipients can open",
        "ecryptfsctl create-folder-key ~/work.jwe --passphrase --recovery\n"
        "ecryptfsctl create-folder-key ~/home.jwe --passphrase --import-wrapped "
        "~/.ecryptfs/wrapped-passphrase"};

    std::string file;
    RecipientRequest request;
    bool import_passphrase = false;  // ask for one
    OptionalText import_file;
    OptionalText import_wrapped;
    OptionalText wrapping_file;
    OptionalText salt;
    bool one_key = false;
    std::vector<std::string> allowed_libraries;
    bool json = false;
};

void add_options(CLI::App& parser, CreateFolderKeyOptions& options);
base::Result<void> run(const CreateFolderKeyOptions& options);

}  // namespace ecryptfs::cli
