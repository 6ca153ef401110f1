// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "cli/verbs/options.h"
#include "cli/verbs/verb.h"

namespace ecryptfs::cli {

struct UnmountOptions {
    static constexpr VerbText kText{"umount", "Unmount it, and remove keys that no mount uses",
                                    "sudo ecryptfsctl umount ~/Secret"};

    std::string folder;  // upper or lower
    bool lazy = false;
    bool keep_keys = false;
    bool unlink_keys = false;
    OptionalText user;
    bool json = false;
};

void add_options(CLI::App& parser, UnmountOptions& options);
base::Result<void> run(const UnmountOptions& options);

}  // namespace ecryptfs::cli
