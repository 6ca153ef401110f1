// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <functional>

#include "cli/key_location.h"
#include "lib/base/error.h"
#include "lib/base/sealed_memfd.h"
#include "lib/keyring/token_writer.h"

namespace ecryptfs::cli {

// Opens a key with a secret, and calls something that does so with the secret it has found.
using OpenKeyWith = std::function<base::Result<void>(const base::SealedMemfd& secret)>;
using OpenWithSecret = std::function<base::Result<void>(const OpenKeyWith& open)>;

// Has the agent open a key, writes its token, and prints the signature. On an error nothing stays
// half done.
base::Result<void> add_key(const pki::KeyLocation& key, const OpenWithSecret& with_secret,
                           const keyring::TokenPlace& place, bool json);

}  // namespace ecryptfs::cli
