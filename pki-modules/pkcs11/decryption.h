// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <optional>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "pki-modules/pkcs11/login.h"
#include "pki-modules/pkcs11/mechanism.h"
#include "pki-modules/pkcs11/session_pool.h"

namespace ecryptfs::pkcs11_module {

// One C_DecryptInit and C_Decrypt, and their outcome.
class Decryption {
  public:
    Decryption(Session& session, ObjectHandle key, Mechanism mechanism)
        : session_(session), key_(key), mechanism_(mechanism) {}

    // Call it in a turn at the token. `confirming_login`: set if the key wants the PIN for each
    // operation, which takes an exclusive turn. `plain` has room for a modulus. On failure gives
    // false; the getters below say why.
    bool run(base::ByteView wrapped, base::ByteSpan plain, Login* confirming_login);

    std::size_t size() const { return size_; }  // bytes written into `plain`

    // Why it failed: CKR_…, or the error of Login::confirm().
    ReturnValue value() const { return value_; }
    const std::optional<base::Error>& not_confirmed() const { return not_confirmed_; }
    // Whether the token got as far as the wrapped bytes.
    bool began() const { return began_; }

  private:
    ReturnValue begin();
    bool confirm(Login& by);

    Session& session_;
    ObjectHandle key_;
    Mechanism mechanism_;
    ReturnValue value_ = 0;
    std::optional<base::Error> not_confirmed_;
    bool began_ = false;
    std::size_t size_ = 0;
};

// Removes OAEP (SHA-1, empty label) from a block that the token only exponentiated. Takes the same
// time whatever is wrong with the block. Gives the size, 1 to `room`'s; nothing for a bad block.
std::optional<std::size_t> remove_oaep(base::ByteView block, std::size_t modulus_size,
                                       base::ByteSpan room);

}  // namespace ecryptfs::pkcs11_module
