// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>
#include <vector>

#include "cli/verbs/recipient_options.h"
#include "cli/verbs/verb.h"

namespace ecryptfs::cli {

struct AddRecipientOptions {
    static constexpr VerbText kText{"add-recipient", "Let something else open a folder key, too",
                                    "ecryptfsctl add-recipient ~/work.jwe --recovery\n"
                                    "ecryptfsctl add-recipient ~/work.jwe --recipient "
                                    "~/.ecryptfs/tpm.pem\n"
                                    "ecryptfsctl add-recipient ~/work.jwe --new-passphrase"};

    std::string file;
    RecipientRequest request;
    OptionalText passphrase_file;
    std::vector<std::string> allowed_libraries;
    bool json = false;
};

void add_options(CLI::App& parser, AddRecipientOptions& options);
base::Result<void> run(const AddRecipientOptions& options);

}  // namespace ecryptfs::cli
