// SPDX-License-Identifier: Apache-2.0

#pragma once

#include "lib/base/bytes.h"
#include "pki-modules/pkcs11/mechanism.h"
#include "pki-modules/pkcs11/token_operation.h"

namespace ecryptfs::pkcs11_module {

// C_DeriveKey by ECDH. The token makes the secret as an object of the session, from which it is
// read; then the object is destroyed.
class Derivation : public TokenOperation {
  public:
    // Views both. `peer`: 4, X, Y. `secret` has room for a coordinate of its size, or more.
    Derivation(Mechanism mechanism, base::ByteView peer, base::ByteSpan secret)
        : mechanism_(mechanism), peer_(peer), secret_(secret) {}

    // Confirms nothing: PKCS#11 has that for operations that begin by a call of their own.
    bool run(Session& session, ObjectHandle key, Login* confirming_login) override;

  private:
    ReturnValue read_secret(const Session& session, ObjectHandle object);

    Mechanism mechanism_;
    base::ByteView peer_;
    base::ByteSpan secret_;
};

}  // namespace ecryptfs::pkcs11_module
