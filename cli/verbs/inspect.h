// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>
#include <vector>

#include "cli/verbs/options.h"
#include "cli/verbs/verb.h"

namespace ecryptfs::cli {

struct InspectOptions {
    static constexpr VerbText kText{
        "inspect", "Show how lower files are encrypted, and which keys open them",
        "ecryptfsctl inspect ~/.Private\n"
        "ecryptfsctl inspect --json ~/.Private | jq -r "
        "'.files[] | select(.state == \"damaged\").path'\n"
        "ecryptfsctl inspect ~/.Private --find letters/2019.txt --passphrase"};

    std::vector<std::string> paths;
    bool all = false;               // not only files with a fault
    std::vector<std::string> find;  // plain paths, whose lower paths are looked for
    PassphraseSources passphrases;
    bool json = false;
};

void add_options(CLI::App& parser, InspectOptions& options);
base::Result<void> run(const InspectOptions& options);

}  // namespace ecryptfs::cli
