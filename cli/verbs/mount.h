// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "cli/mount/plan.h"
#include "cli/verbs/mount_folder_key.h"
#include "cli/verbs/mount_passphrase.h"
#include "cli/verbs/options.h"
#include "cli/verbs/verb.h"

namespace ecryptfs::cli {

struct MountOptions {
    static constexpr VerbText kText{
        "mount", "Mount a folder of encrypted files",
        "ecryptfsctl mount ~/.Secret ~/Secret --key fe3467554552491d\n"
        "ecryptfsctl mount ~/.Secret               with the keys of the last time\n"
        "sudo ecryptfsctl mount --kernel ~/.Secret"};

    MountChoices choices;
    MountPassphraseOptions passphrase;
    FolderKeyOptions folder_key;
    bool kernel = false;
    std::vector<std::string> fuse_options;
    bool foreground = false;
    bool force = false;
    bool print_options = false;
    bool print_fstab = false;
    OptionalText user;
    bool json = false;
};

void add_options(CLI::App& parser, MountOptions& options);
base::Result<void> run(const MountOptions& options);

}  // namespace ecryptfs::cli
