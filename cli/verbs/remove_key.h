// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "cli/verbs/options.h"
#include "cli/verbs/verb.h"

namespace ecryptfs::cli {

struct RemoveKeyOptions {
    static constexpr VerbText kText{"remove-key", "Remove a key from the keyrings and the agent",
                                    "ecryptfsctl remove-key fe3467554552491d"};

    std::string signature;
    bool json = false;
};

void add_options(CLI::App& parser, RemoveKeyOptions& options);
base::Result<void> run(const RemoveKeyOptions& options);

}  // namespace ecryptfs::cli
