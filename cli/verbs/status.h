// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "cli/verbs/options.h"
#include "cli/verbs/verb.h"

namespace ecryptfs::cli {

struct StatusOptions {
    static constexpr VerbText kText{
        "status", "Show the agent, its device, queue, modules and keys, and the mounts",
        "ecryptfsctl status --json | jq .queue\n"
        "ecryptfsctl status --watch"};

    bool watch = false;  // until it is interrupted
    bool json = false;
};

void add_options(CLI::App& parser, StatusOptions& options);
base::Result<void> run(const StatusOptions& options);

}  // namespace ecryptfs::cli
