// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "cli/verbs/options.h"
#include "cli/verbs/verb.h"

namespace ecryptfs::cli {

struct ListRecipientsOptions {
    static constexpr VerbText kText{"list-recipients", "List who can open a folder key",
                                    "ecryptfsctl list-recipients ~/work.jwe"};

    std::string file;
    bool json = false;
};

void add_options(CLI::App& parser, ListRecipientsOptions& options);
base::Result<void> run(const ListRecipientsOptions& options);

}  // namespace ecryptfs::cli
