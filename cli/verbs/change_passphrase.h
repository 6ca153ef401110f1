// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "cli/verbs/options.h"
#include "cli/verbs/verb.h"

namespace ecryptfs::cli {

struct ChangePassphraseOptions {
    static constexpr VerbText kText{"change-passphrase", "Change a passphrase of a folder key",
                                    "ecryptfsctl change-passphrase ~/work.jwe"};

    std::string file;
    OptionalText passphrase_file;
    OptionalText new_passphrase_file;
    bool json = false;
};

void add_options(CLI::App& parser, ChangePassphraseOptions& options);
base::Result<void> run(const ChangePassphraseOptions& options);

}  // namespace ecryptfs::cli
