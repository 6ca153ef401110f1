// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>
#include <vector>

#include "cli/verbs/options.h"
#include "cli/verbs/verb.h"

namespace ecryptfs::cli {

struct TestRecipientOptions {
    static constexpr VerbText kText{"test-recipient", "Try whether a recipient opens a folder key",
                                    "ecryptfsctl test-recipient ~/work.jwe\n"
                                    "ecryptfsctl test-recipient ~/work.jwe recovery"};

    std::string file;
    OptionalText kid;  // none: any
    OptionalText passphrase_file;
    OptionalText key_secret_file;
    pki::HostPaths paths;
    std::vector<std::string> allowed_libraries;
    bool json = false;
};

void add_options(CLI::App& parser, TestRecipientOptions& options);
base::Result<void> run(const TestRecipientOptions& options);

}  // namespace ecryptfs::cli
