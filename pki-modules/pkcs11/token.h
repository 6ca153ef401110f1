// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <atomic>
#include <span>
#include <vector>

#include "lib/base/error.h"
#include "pki-modules/pkcs11/key_uri.h"
#include "pki-modules/pkcs11/login.h"
#include "pki-modules/pkcs11/session_pool.h"

namespace ecryptfs::pkcs11_module {

// A token that this process has seen, with everything that the keys on it share. Lives as long as
// the process, as a token may be taken out and put back. Any thread.
class Token {
  public:
    Token(Library& library, const TokenName& name, SlotId slot)
        : presence_(library, name, slot), sessions_(presence_), login_(sessions_) {}

    TokenPresence& presence() { return presence_; }
    SessionPool& sessions() { return sessions_; }
    Login& login() { return login_; }
    const std::string& text() const { return presence_.text(); }  // for messages
    const TokenName& name() const { return presence_.name(); }

    // The mechanisms that it says it can do, best first: for file keys, for ECDH, and both.
    std::vector<Mechanism> rsa_mechanisms() const;
    std::vector<Mechanism> ecdh_mechanisms() const;
    std::vector<Mechanism> mechanisms() const;

    // The tokens that are present and fit the URI.
    static base::Result<std::vector<Token*>> find_all(const KeyUri& uri);
    // The only one of them. kNotFound if there is none, kInvalidArgument if there are more or the
    // token has a twin.
    static base::Result<Token*> require_one(const std::vector<Token*>& tokens, const KeyUri& uri);

  private:
    friend class Tokens;

    std::vector<Mechanism> select(std::span<const Mechanism> wanted, unsigned long flag) const;

    TokenPresence presence_;
    SessionPool sessions_;
    Login login_;
    std::atomic<bool> has_twin_ = false;  // another token of the library has all the same names
};

}  // namespace ecryptfs::pkcs11_module
