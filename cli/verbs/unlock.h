// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>
#include <vector>

#include "cli/verbs/options.h"
#include "cli/verbs/verb.h"

namespace ecryptfs::cli {

struct UnlockOptions {
    static constexpr VerbText kText{"unlock", "Open a locked key again",
                                    "ecryptfsctl unlock fe3467554552491d"};

    std::string signature;
    OptionalText passphrase_file;
    std::vector<std::string> allowed_libraries;
    bool json = false;
};

void add_options(CLI::App& parser, UnlockOptions& options);
base::Result<void> run(const UnlockOptions& options);

}  // namespace ecryptfs::cli
