// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "cli/verbs/options.h"
#include "cli/verbs/verb.h"

namespace ecryptfs::cli {

struct UnmountOptions {
    static constexpr VerbText kText{"umount", "Unmount it, and remove keys that no mount uses",
                                    "ecryptfsctl umount ~/Secret\n"
                                    "sudo ecryptfsctl umount ~/Secret          of a mount by the "
                                    "kernel"};

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
