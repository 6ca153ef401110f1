// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <string>

#include "cli/verbs/options.h"
#include "cli/verbs/verb.h"

namespace ecryptfs::cli {

struct UnwrapPassphraseOptions {
    static constexpr VerbText kText{"unwrap-passphrase",
                                    "Print the mount passphrase in such a file",
                                    "ecryptfsctl unwrap-passphrase ~/.ecryptfs/wrapped-passphrase"};

    std::string file;
    OptionalText wrapping_file;
};

void add_options(CLI::App& parser, UnwrapPassphraseOptions& options);
base::Result<void> run(const UnwrapPassphraseOptions& options);

}  // namespace ecryptfs::cli
