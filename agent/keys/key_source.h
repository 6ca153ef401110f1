// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/wire/auth_token.h"

namespace ecryptfs::agent {

// What a private-key token says of its key. Only tokens of ecryptfs-utils hold a secret. They may
// also have another name for the module in their PKI type.
struct KeySource {
    wire::PkiType module;
    std::string locator;
    std::optional<base::SecretBytes> secret;
};

// The private-key token in a payload, as a view into that. kInvalidToken, with the reason and
// advice, if there is none of this signature.
base::Result<wire::PrivateKeyToken> private_key_token(base::ByteView payload,
                                                      const wire::KeySignature& signature);

// kInvalidToken if the blob is neither a URI nor one of ecryptfs-utils' modules openssl and
// pkcs11-helper.
base::Result<KeySource> key_source(const wire::PrivateKeyToken& token);

// Whether the locator is a URI, and not too long for a host.
bool is_usable_locator(std::string_view locator);

}  // namespace ecryptfs::agent
