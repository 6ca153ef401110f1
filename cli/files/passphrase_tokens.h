// SPDX-License-Identifier: Apache-2.0
//
// The keys of a mount passphrase, put into a keyring.

#pragma once

#include <optional>
#include <string>

#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/keyring/token_writer.h"
#include "lib/lower/passphrase.h"

namespace ecryptfs::cli {

struct AddedKey {
    std::string signature;
    keyring::WrittenToken token;
};

struct AddedPassphrase {
    AddedKey contents;
    std::optional<AddedKey> names = {};
};

// Writes both or none; `fnek` is null if it is not wanted. Errors of keyring::write_token().
base::Result<AddedPassphrase> write_passphrase_tokens(const lower::PassphraseKey& fekek,
                                                      const lower::PassphraseKey* fnek,
                                                      const keyring::TokenPlace& place);

// Asks once more for a passphrase that was typed and not used here before: a typing error would go
// unseen until files are lost to it. kInvalidArgument.
base::Result<void> confirm_passphrase(const base::SecretBytes& typed,
                                      const wire::KeySignature& signature);

}  // namespace ecryptfs::cli
