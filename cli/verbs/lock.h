// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "cli/verbs/options.h"
#include "cli/verbs/verb.h"

namespace ecryptfs::cli {

struct LockOptions {
    static constexpr VerbText kText{
        "lock", "Forget the secret of a key, or of all keys; unlock gives it again",
        "ecryptfsctl lock\n"
        "ecryptfsctl lock ~/.Secret.jwe"};

    OptionalText key;  // a signature, or the file of a folder key; none: every key
    bool json = false;
};

void add_options(CLI::App& parser, LockOptions& options);
base::Result<void> run(const LockOptions& options);

}  // namespace ecryptfs::cli
