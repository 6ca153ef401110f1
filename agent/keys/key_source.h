// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <optional>
#include <string>
#include <string_view>

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
base::Result<wire::PrivateKeyToken> private_key_token(base::ByteView payload,
                                                      const wire::KeySignature& signature);

// kInvalidToken if its blob is neither a URI nor one of ecryptfs-utils' openssl or
// pkcs11-helper module.
base::Result<KeySource> key_source(const wire::PrivateKeyToken& token);

// Whether it is a URI, and not too long for a host.
bool is_usable_locator(std::string_view locator);

}  // namespace ecryptfs::agent
