// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "pki-modules/common/opened_key.h"
#include "pki-modules/common/rsa_public_key.h"
#include "pki-modules/pkcs11/key_uri.h"
#include "pki-modules/pkcs11/token.h"
#include "pki-modules/pkcs11/token_private_key.h"

namespace ecryptfs::pkcs11_module {

// An RSA key on a token: wraps in software, has the token unwrap. Any thread.
class TokenKey : public module::OpenedRsaKey {
  public:
    // Without `with_private_half` the key can only encrypt(): then no PIN is needed, if the token
    // shows the public half to anybody.
    static base::Result<std::unique_ptr<TokenKey>> open(std::string_view uri,
                                                        const base::SecretEntry& pin,
                                                        bool with_private_half);

    // The URI that opens the key from now on. It holds the mechanism.
    const std::string& locator() const { return locator_; }
    bool has_private_half() const override { return private_key_ != nullptr; }
    void describe(ecryptfs_pki_description& to) const override;

    base::Result<std::size_t> encrypt(base::ByteView file_key, base::ByteSpan room) override {
        return public_half_->encrypt(file_key, room);
    }

  private:
    std::size_t modulus_size() const override { return public_half_->modulus_size(); }
    base::Result<std::size_t> unwrap_file_key(base::ByteView wrapped,
                                              base::ByteSpan room) override {
        return private_key_->decrypt(mechanism_, wrapped, room);
    }
    explicit TokenKey(Token& token) : token_(token) {}
    base::Result<void> open_public(const KeyUri& uri, const base::SecretEntry& pin);
    base::Result<void> open_private(const KeyUri& uri, const base::SecretEntry& pin);
    base::Result<PublicHalf> find_public_half(const TokenPrivateKey& key, const KeyUri& uri);
    base::Result<void> settle(const KeyUri& uri, const PublicHalf& half);
    base::Result<void> prove();
    base::Result<void> set_locator(KeyUri uri, const ObjectName& name);
    void use(Mechanism mechanism, const module::RsaNumbers& numbers);
    std::string text() const;

    Token& token_;
    Mechanism mechanism_{};
    std::optional<module::RsaPublicKey> public_half_;
    std::unique_ptr<TokenPrivateKey> private_key_;
    std::string locator_;
    std::string warning_;
};

}  // namespace ecryptfs::pkcs11_module
