// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <optional>

#include "lib/base/error.h"
#include "pki-modules/pkcs11/login.h"
#include "pki-modules/pkcs11/session_pool.h"

namespace ecryptfs::pkcs11_module {

// One use of a private key on a token, and its outcome.
class TokenOperation {
  public:
    TokenOperation() = default;
    virtual ~TokenOperation() = default;
    TokenOperation(const TokenOperation&) = delete;
    TokenOperation& operator=(const TokenOperation&) = delete;
    TokenOperation(TokenOperation&&) = delete;
    TokenOperation& operator=(TokenOperation&&) = delete;

    // Call it in a turn at the token, also again after it has failed. `confirming_login`: set if
    // the key wants the PIN for each operation, which takes an exclusive turn. On failure gives
    // false; the getters below say why.
    virtual bool run(Session& session, ObjectHandle key, Login* confirming_login) = 0;

    std::size_t size() const { return size_; }  // bytes written

    // Why it failed: CKR_…, or the error of Login::confirm(). `call`: of which function.
    ReturnValue value() const { return value_; }
    const std::optional<base::Error>& not_confirmed() const { return not_confirmed_; }
    const char* call() const { return call_; }
    // Whether the token got as far as the bytes that it was given.
    bool began() const { return began_; }

  protected:
    ReturnValue value_ = 0;
    std::optional<base::Error> not_confirmed_;
    const char* call_ = "";
    bool began_ = false;
    std::size_t size_ = 0;
};

}  // namespace ecryptfs::pkcs11_module
