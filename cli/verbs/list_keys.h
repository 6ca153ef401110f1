// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>
#include <vector>

#include "cli/verbs/options.h"
#include "cli/verbs/verb.h"

namespace ecryptfs::cli {

struct ListKeysOptions {
    static constexpr VerbText kText{"list-keys", "List the keys that the agent has",
                                    "ecryptfsctl list-keys --json | jq -r '.keys[].signature'\n"
                                    "ecryptfsctl list-keys --available"};

    bool available = false;  // those on tokens, instead of those that the agent has
    pki::HostPaths paths;
    std::vector<std::string> allowed_libraries;
    bool json = false;
};

void add_options(CLI::App& parser, ListKeysOptions& options);
base::Result<void> run(const ListKeysOptions& options);

}  // namespace ecryptfs::cli
