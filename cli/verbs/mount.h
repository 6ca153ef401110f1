// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "cli/mount/plan.h"
#include "cli/verbs/options.h"
#include "cli/verbs/verb.h"

namespace ecryptfs::cli {

struct MountOptions {
    static constexpr VerbText kText{
        "mount", "Mount a folder of encrypted files (as root, or by sudo)",
        "sudo ecryptfsctl mount ~/.Secret ~/Secret --key fe3467554552491d\n"
        "sudo ecryptfsctl mount ~/.Secret          as the last time\n"
        "ecryptfsctl mount ~/.Secret --print-fstab"};

    MountChoices choices;
    bool force = false;
    bool print_options = false;
    bool print_fstab = false;
    OptionalText user;
    bool json = false;
};

void add_options(CLI::App& parser, MountOptions& options);
base::Result<void> run(const MountOptions& options);

}  // namespace ecryptfs::cli
