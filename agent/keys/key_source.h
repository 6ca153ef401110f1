// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <optional>
#include <string>

#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/wire/auth_token.h"

namespace ecryptfs::agent {

// What a private-key token says of its key: the module (which need not be called as the token's PKI
// type: that may be ecryptfs-utils' name for it), where the key is, and, in tokens that
// ecryptfs-utils made, the secret that opens it.
struct KeySource {
    wire::PkiType module;
    std::string locator;
    std::optional<base::SecretBytes> secret;
};

// The private-key token in a payload, as a view into it. kInvalidToken, with the reason and advice,
// if there is none of this signature.
base::Result<wire::PrivateKeyToken> token_in(base::ByteView payload,
                                             const wire::KeySignature& signature);

// kInvalidToken if its blob is neither a URI nor one of ecryptfs-utils' openssl or
// pkcs11-helper module.
base::Result<KeySource> source_of(const wire::PrivateKeyToken& token);

}  // namespace ecryptfs::agent
