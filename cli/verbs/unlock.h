// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>
#include <vector>

#include "cli/verbs/options.h"
#include "cli/verbs/verb.h"

namespace ecryptfs::cli {

struct UnlockOptions {
    static constexpr VerbText kText{"unlock", "Open a locked key again, or a folder key",
                                    "ecryptfsctl unlock fe3467554552491d\n"
                                    "ecryptfsctl unlock ~/.Secret.jwe"};

    std::string key;  // a signature, or the file of a folder key
    OptionalText passphrase_file;
    OptionalText key_secret_file;
    pki::HostPaths paths;
    std::vector<std::string> allowed_libraries;
    bool json = false;
};

void add_options(CLI::App& parser, UnlockOptions& options);
base::Result<void> run(const UnlockOptions& options);

}  // namespace ecryptfs::cli
