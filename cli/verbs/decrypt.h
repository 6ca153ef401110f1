// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>
#include <vector>

#include "cli/verbs/options.h"
#include "cli/verbs/verb.h"

namespace ecryptfs::cli {

struct DecryptOptions {
    static constexpr VerbText kText{
        "decrypt", "Decrypt lower files and folders, without the kernel",
        "ecryptfsctl decrypt ~/.Private --output rescued --wrapped ~/.ecryptfs/wrapped-passphrase\n"
        "ecryptfsctl decrypt lower --output rescued --key key.pem "
        "--key 'pkcs11:token=work;object=files'\n"
        "ecryptfsctl decrypt ~/.Private --only letters/2019.txt --output - --passphrase"};

    std::vector<std::string> lower;                 // files and folders
    std::string output;                             // a folder, or - for standard output
    std::vector<std::string> only;                  // paths in plain names; empty: all
    bool beyond_size = false;                       // save what lies behind the end of files
    std::vector<std::string> keys;                  // URIs
    std::vector<std::string> key_passphrase_files;  // in the order of the keys
    PassphraseSources passphrases;
    std::vector<std::string> allowed_libraries;
    pki::HostPaths paths;
    bool json = false;
};

void add_options(CLI::App& parser, DecryptOptions& options);
base::Result<void> run(const DecryptOptions& options);

}  // namespace ecryptfs::cli
