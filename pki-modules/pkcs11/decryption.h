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

// One C_DecryptInit and C_Decrypt, and what came of them.
class Decryption {
  public:
    Decryption(Session& session, ObjectHandle key, Mechanism mechanism)
        : session_(session), key_(key), mechanism_(mechanism) {}

    // In a turn at the token. `confirming_login`: the key wants the PIN for each operation, and the
    // turn is one alone. `plain` has room for a modulus. False: see below.
    bool run(base::ByteView wrapped, base::ByteSpan plain, Login* confirming_login);

    std::size_t size() const { return size_; }  // of what was written into `plain`

    // Why it failed: CKR_…, or what confirming gave.
    ReturnValue value() const { return value_; }
    const std::optional<base::Error>& not_confirmed() const { return not_confirmed_; }
    // It got as far as looking at the wrapped bytes.
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

// Removes OAEP (SHA-1, empty label) from a block that the token only exponentiated, without
// telling by its time what is wrong with it. Gives the size, 1 to `room`'s; nothing if it is none.
std::optional<std::size_t> remove_oaep(base::ByteView block, std::size_t modulus_size,
                                       base::ByteSpan room);

}  // namespace ecryptfs::pkcs11_module
