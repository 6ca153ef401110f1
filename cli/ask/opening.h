// SPDX-License-Identifier: Apache-2.0
//
// How a key's secret is found when add-key and unlock open it.

#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "cli/ask/secret_input.h"
#include "cli/key_location.h"
#include "lib/base/error.h"
#include "lib/base/sealed_memfd.h"
#include "lib/base/secret_bytes.h"

namespace ecryptfs::cli {

struct SecretSource {
    std::string passphrase_file;  // "-" for standard input; empty to ask if need be
    pki::KeyLocation key;         // for the question
};

// The first line of a file, "-" for standard input, where `question` is asked if it is a terminal.
// Warns of a file that others can read. kInvalidArgument for a secret that cannot be meant.
base::Result<base::SecretBytes> secret_from(const std::string& file, std::string_view question,
                                            SecretKind kind);

// The secret that --passphrase-file names.
base::Result<base::SecretBytes> secret_from_file(const SecretSource& source);

SecretKind kind_of(const pki::KeyLocation& key);

// "Passphrase for /home/ada/key.pem: ", or its PIN.
std::string question_for(const pki::KeyLocation& key);

// Opens a key by `open`. With a passphrase file, once, with what it holds. Otherwise without a
// secret, and if that gives kSecretRequired once more with what the user types on the terminal.
// Never more often: smart cards lock themselves after a few wrong PINs.
base::Result<void> open_with_secret(
    const SecretSource& source,
    const std::function<base::Result<void>(const base::SealedMemfd&)>& open);

}  // namespace ecryptfs::cli
