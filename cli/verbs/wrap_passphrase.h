// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "cli/verbs/options.h"
#include "cli/verbs/verb.h"

namespace ecryptfs::cli {

struct WrapPassphraseOptions {
    static constexpr VerbText kText{"wrap-passphrase",
                                    "Put a mount passphrase into a file, under another passphrase",
                                    "ecryptfsctl wrap-passphrase ~/.ecryptfs/wrapped-passphrase"};

    std::string file;
    OptionalText passphrase_file;
    OptionalText wrapping_file;
    bool json = false;
};

void add_options(CLI::App& parser, WrapPassphraseOptions& options);
base::Result<void> run(const WrapPassphraseOptions& options);

}  // namespace ecryptfs::cli
