// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>
#include <vector>

#include "cli/verbs/options.h"
#include "cli/verbs/verb.h"

namespace ecryptfs::cli {

struct AddKeyOptions {
    static constexpr VerbText kText{
        "add-key", "Open a key or a folder key, and put its token where mount finds it",
        "sig=$(ecryptfsctl add-key ~/.ecryptfs/key.pem)\n"
        "ecryptfsctl add-key --keyring session --timeout 3600 'pkcs11:token=work;object=files'"};

    std::string uri;
    OptionalText module;  // none: found from the URI
    OptionalText passphrase_file;
    OptionalText key_secret_file;
    pki::HostPaths paths;
    PlaceOptions place;
    std::vector<std::string> allowed_libraries;
    bool json = false;
};

void add_options(CLI::App& parser, AddKeyOptions& options);
base::Result<void> run(const AddKeyOptions& options);

}  // namespace ecryptfs::cli
