// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <optional>
#include <string>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "pki-modules/common/rsa_contexts.h"

namespace ecryptfs::openssl_module {

// Reads the private key in a PEM file, which is for RSA or for a curve that we use: PKCS#8, PKCS#1
// or SEC 1, plain or encrypted (also in the traditional way, with Proc-Type and DEK-Info lines).
// `path` is for messages. kSecretRequired, kWrongSecret; kInvalidKey, with advice, for any other
// file.
base::Result<module::EvpPkey> parse_private_key(base::ByteView pem,
                                                std::optional<base::ByteView> passphrase,
                                                const std::string& path);

// Whether that key needs a passphrase. Pure.
bool is_encrypted(base::ByteView pem);

}  // namespace ecryptfs::openssl_module
