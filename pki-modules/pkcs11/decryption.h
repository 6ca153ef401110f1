// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <optional>

#include "lib/base/bytes.h"
#include "pki-modules/pkcs11/mechanism.h"
#include "pki-modules/pkcs11/token_operation.h"

namespace ecryptfs::pkcs11_module {

// C_DecryptInit and C_Decrypt.
class Decryption : public TokenOperation {
  public:
    // Views both. `plain` has room for a modulus.
    Decryption(Mechanism mechanism, base::ByteView wrapped, base::ByteSpan plain)
        : mechanism_(mechanism), wrapped_(wrapped), plain_(plain) {}

    bool run(Session& session, ObjectHandle key, Login* confirming_login) override;

  private:
    ReturnValue begin(const Session& session, ObjectHandle key) const;
    bool confirm(Session& session, Login& by);

    Mechanism mechanism_;
    base::ByteView wrapped_;
    base::ByteSpan plain_;
};

// Removes OAEP (empty label) from a block that the token only exponentiated. Takes the same time
// whatever is wrong with the block. Gives the size, 1 to `room`'s; nothing for a bad block.
std::optional<std::size_t> remove_oaep(const char* hash, base::ByteView block,
                                       std::size_t modulus_size, base::ByteSpan room);

}  // namespace ecryptfs::pkcs11_module
