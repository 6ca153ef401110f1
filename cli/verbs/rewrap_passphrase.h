// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "cli/verbs/options.h"
#include "cli/verbs/verb.h"

namespace ecryptfs::cli {

struct RewrapPassphraseOptions {
    static constexpr VerbText kText{
        "rewrap-passphrase", "Change the passphrase that such a file is under",
        "ecryptfsctl rewrap-passphrase ~/.ecryptfs/wrapped-passphrase\n"
        "ecryptfsctl rewrap-passphrase --upgrade ~/.ecryptfs/wrapped-passphrase"};

    std::string file;
    OptionalText wrapping_file;
    OptionalText new_wrapping_file;
    bool upgrade = false;  // keeps the wrapping passphrase
    bool json = false;
};

void add_options(CLI::App& parser, RewrapPassphraseOptions& options);
base::Result<void> run(const RewrapPassphraseOptions& options);

}  // namespace ecryptfs::cli
