// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <memory>
#include <mutex>
#include <optional>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "pki-modules/pkcs11/mechanism.h"
#include "pki-modules/pkcs11/objects.h"
#include "pki-modules/pkcs11/token.h"
#include "pki-modules/pkcs11/token_operation.h"

namespace ecryptfs::pkcs11_module {

// A private key on a token. Keeps the login as long as it lives. Restores token, session, login and
// object when they get lost. Any thread.
class TokenPrivateKey {
  public:
    // kNotFound, kInvalidArgument if the URI names several.
    static base::Result<std::unique_ptr<TokenPrivateKey>> open(Token& token, const KeyUri& uri,
                                                               const base::SecretEntry& pin);

    // What the object shows. Some hide their numbers.
    const ObjectName& name() const { return name_; }
    const std::optional<KeyNumbers>& numbers() const { return numbers_; }
    KeyKind kind() const { return kind_; }

    // `wrapped` has the modulus's size. Gives the size written into `room`, at least 1.
    base::Result<std::size_t> decrypt(Mechanism mechanism, base::ByteView wrapped,
                                      base::ByteSpan room);
    // ECDH with a point of the key's curve. Gives the size of the coordinate written into `room`.
    base::Result<std::size_t> derive(Mechanism mechanism, base::ByteView peer, base::ByteSpan room);

  private:
    // The remedies that a call has tried. Each is tried once.
    struct Tried {
        bool session = false;
        bool login = false;   // logging in ourselves
        bool repeat = false;  // trying again without it
        bool object = false;
        std::optional<std::uint64_t> denied_login;  // Login::count() when the token wanted a login
    };

    TokenPrivateKey(Token& token, const KeyUri& uri, Login::Share login)
        : token_(token),
          uri_(uri),
          wanted_{{uri.id, uri.object}, uri.type},
          login_(std::move(login)) {}
    base::Result<void> read_object();
    base::Result<ObjectHandle> search_object(const Session& session) const;
    std::string advice_on_others(const Session& session) const;
    std::string making_command(const Session& session) const;
    base::Result<ObjectHandle> find_object(const Session& session);
    // Nothing means: try again.
    base::Result<std::optional<std::size_t>> try_once(TokenOperation& operation, Tried& tried);
    // Runs it, with what may help if it fails. Gives the size that it wrote.
    base::Result<std::size_t> run(TokenOperation& operation);
    base::Result<void> check_purpose(const Session& session, ObjectHandle object) const;
    base::Result<void> log_in_after_denial(const Session& session, Tried& tried);
    base::Result<void> recover(Session& session, const TokenOperation& failed, Tried& tried);
    base::Result<void> recover_from_unclear_error(Session& session, const TokenOperation& failed,
                                                  Tried& tried);

    Token& token_;
    const KeyUri uri_;
    const KeyName wanted_;
    const Login::Share login_;
    ObjectName name_;
    std::optional<KeyNumbers> numbers_;
    KeyKind kind_ = KeyKind::kOther;
    bool confirm_each_ = false;  // CKA_ALWAYS_AUTHENTICATE

    std::mutex mutex_;
    ObjectHandle object_ = 0;
    std::uint64_t epoch_ = 0;   // of object_; 0: search for it
    std::uint64_t logins_ = 0;  // likewise
};

}  // namespace ecryptfs::pkcs11_module
