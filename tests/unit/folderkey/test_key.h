// SPDX-License-Identifier: Apache-2.0
//
// A private key in this process, as a PKI module would use it.

#pragma once

#include <nlohmann/json.hpp>

#include "lib/folderkey/key_wrapping.h"
#include "lib/folderkey/openssl_objects.h"
#include "lib/pki/public_key.h"

namespace ecryptfs::test {

class TestKey : public folderkey::PrivateKey {
  public:
    explicit TestKey(pki::PublicKeyKind kind);

    const pki::PublicKey& public_key() const { return public_key_; }
    // With the private half (RFC 7518 section 6).
    nlohmann::json jwk() const;

    base::Result<base::SecretBytes> decrypt_oaep(pki::OaepDigest digest,
                                                 base::ByteView input) override;
    base::Result<base::SecretBytes> derive(base::ByteView peer) override;

  private:
    folderkey::EvpPkey key_;
    pki::PublicKey public_key_;
};

}  // namespace ecryptfs::test
