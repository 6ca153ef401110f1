// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>
#include <vector>

#include "cli/verbs/options.h"
#include "cli/verbs/verb.h"

namespace ecryptfs::cli {

struct ListTokensOptions {
    static constexpr VerbText kText{"list-tokens",
                                    "List what can hold keys: smart cards, HSMs, the TPM",
                                    "ecryptfsctl list-tokens"};

    pki::HostPaths paths;
    std::vector<std::string> allowed_libraries;
    bool json = false;
};

void add_options(CLI::App& parser, ListTokensOptions& options);
base::Result<void> run(const ListTokensOptions& options);

}  // namespace ecryptfs::cli
