// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "cli/verbs/options.h"
#include "cli/verbs/verb.h"

namespace ecryptfs::cli {

// The mount passphrase is read from a file, unwrapped or asked for.
struct AddPassphraseOptions {
    static constexpr VerbText kText{
        "add-passphrase", "Put a passphrase's token where mount finds it",
        "sig=$(ecryptfsctl add-passphrase)\n"
        "ecryptfsctl add-passphrase --fnek --wrapped ~/.ecryptfs/wrapped-passphrase"};

    OptionalText passphrase_file;
    OptionalText wrapped;        // a wrapped-passphrase file
    OptionalText wrapping_file;  // with the passphrase that opens it
    OptionalText salt;           // 16 hexadecimal digits; none: the default
    bool fnek = false;           // the key for names too
    PlaceOptions place;
    bool json = false;
};

void add_options(CLI::App& parser, AddPassphraseOptions& options);
base::Result<void> run(const AddPassphraseOptions& options);

}  // namespace ecryptfs::cli
