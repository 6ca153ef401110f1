// SPDX-License-Identifier: Apache-2.0
//
// What add-key and generate-key --add share.

#pragma once

#include <functional>

#include "lib/base/error.h"
#include "lib/base/sealed_memfd.h"
#include "lib/keyring/token_writer.h"
#include "lib/pki/client/key_location.h"

namespace ecryptfs::cli {

// Opens a key with a secret, and calls something that does so with the secret it has found.
using OpenKeyWith = std::function<base::Result<void>(const base::SealedMemfd& secret)>;
using OpenWithSecret = std::function<base::Result<void>(const OpenKeyWith& open)>;

// Has the agent open a key, writes its token, and prints the signature. After an error nothing is
// left half done.
base::Result<void> add_to_agent(const pki::KeyLocation& key, const OpenWithSecret& with_secret,
                                const keyring::TokenPlace& place, bool json);

}  // namespace ecryptfs::cli
