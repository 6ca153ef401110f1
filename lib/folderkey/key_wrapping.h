// SPDX-License-Identifier: Apache-2.0
//
// A content key for who has a private key: RSA-OAEP, RSA-OAEP-256 (RFC 7518 section 4.3) and
// ECDH-ES+A256KW (section 4.6).

#pragma once

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/folderkey/folder_key_file.h"
#include "lib/pki/public_key.h"

namespace ecryptfs::folderkey {

// The operations of a private key, which a PKI module does.
class PrivateKey {
  public:
    PrivateKey() = default;
    PrivateKey(const PrivateKey&) = delete;
    PrivateKey& operator=(const PrivateKey&) = delete;
    virtual ~PrivateKey() = default;

    // kNotSupported where the key's token cannot do it with this hash.
    virtual base::Result<base::SecretBytes> decrypt_oaep(pki::OaepDigest digest,
                                                         base::ByteView input) = 0;
    // ECDH: the shared X coordinate.
    virtual base::Result<base::SecretBytes> derive(base::ByteView peer) = 0;
};

// A recipient without a kid. `digest` is for RSA keys. kInvalidArgument for a public key that is
// none.
base::Result<Recipient> wrap_for_key(base::ByteView content_key, const pki::PublicKey& key,
                                     pki::OaepDigest digest);

// The content key, by one operation of the private key. kDecryptFailed for another key than the
// recipient's, kInvalidArgument for a recipient of a passphrase.
base::Result<base::SecretBytes> unwrap_with_key(const Recipient& recipient, PrivateKey& key);

}  // namespace ecryptfs::folderkey
