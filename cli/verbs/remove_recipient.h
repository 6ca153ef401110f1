// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "cli/verbs/options.h"
#include "cli/verbs/verb.h"

namespace ecryptfs::cli {

struct RemoveRecipientOptions {
    static constexpr VerbText kText{"remove-recipient",
                                    "Take a recipient out of a folder key's file",
                                    "ecryptfsctl remove-recipient ~/work.jwe passphrase-2"};

    std::string file;
    std::string kid;
    bool json = false;
};

void add_options(CLI::App& parser, RemoveRecipientOptions& options);
base::Result<void> run(const RemoveRecipientOptions& options);

}  // namespace ecryptfs::cli
