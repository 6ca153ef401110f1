// SPDX-License-Identifier: Apache-2.0
//
// A folder key, made ready for the kernel to keep: the payload of a key of type "encrypted" in
// eCryptfs' format (Linux, Documentation/security/keys/ecryptfs.rst; the layout is that of
// security/keys/encrypted-keys/encrypted.c).

#pragma once

#include "lib/base/error.h"
#include "lib/keyring/hidden_token.h"
#include "lib/lower/passphrase.h"

namespace ecryptfs::folderkey {

// Encrypted by a new master key of a new name.
base::Result<keyring::HiddenToken> make_kernel_token(const lower::PassphraseKey& key);

}  // namespace ecryptfs::folderkey
