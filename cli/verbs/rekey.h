// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>
#include <vector>

#include "cli/files/new_keys.h"
#include "cli/verbs/options.h"
#include "cli/verbs/verb.h"

namespace ecryptfs::cli {

struct RekeyOptions {
    static constexpr VerbText kText{
        "rekey", "Give other keys to lower files, without touching their contents",
        "ecryptfsctl rekey ~/.Private --wrapped ~/.ecryptfs/wrapped-passphrase "
        "--to fe3467554552491d --dry-run\n"
        "ecryptfsctl rekey lower --key key.pem --add recovery.pem\n"
        "ecryptfsctl rekey lower --key key.pem --remove 4effbc23256b813d\n"
        "ecryptfsctl rekey lower --passphrase --to-passphrase"};

    std::vector<std::string> lower;                 // files and folders
    std::vector<std::string> keys;                  // URIs; the old ones
    std::vector<std::string> key_passphrase_files;  // in the order of the keys
    PassphraseSources passphrases;                  // old ones
    KeyChangeSources change;
    std::vector<std::string> allowed_libraries;
    pki::HostPaths paths;
    bool resume = false;
    bool dry_run = false;
    bool list_alone = false;
    bool json = false;
};

void add_options(CLI::App& parser, RekeyOptions& options);
base::Result<void> run(const RekeyOptions& options);

}  // namespace ecryptfs::cli
