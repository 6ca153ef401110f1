// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "pki-modules/common/opened_key.h"
#include "pki-modules/common/rsa_public_key.h"
#include "pki-modules/pkcs11/open_key.h"

namespace ecryptfs::pkcs11_module {

// An RSA key on a token: wraps in software, has the token unwrap.
class TokenKey : public module::OpenedRsaKey {
  public:
    // Finds out the mechanism, if the URI does not say it, by uses of the key.
    static base::Result<std::unique_ptr<module::OpenedKey>> settle(FoundKey found);

    bool has_private_half() const override { return found_.private_key != nullptr; }
    void describe(ecryptfs_pki_description& to) const override;
    base::Result<std::size_t> encrypt(base::ByteView file_key, base::ByteSpan room) override {
        return public_half_->encrypt(file_key, room);
    }

  private:
    explicit TokenKey(FoundKey found) : found_(std::move(found)) {}

    std::size_t modulus_size() const override { return public_half_->modulus_size(); }
    base::Result<std::size_t> unwrap_file_key(base::ByteView wrapped,
                                              base::ByteSpan room) override {
        return found_.private_key->decrypt(mechanism_, wrapped, room);
    }
    base::Result<std::size_t> unwrap_content_key(ecryptfs_pki_oaep_hash hash,
                                                 base::ByteView wrapped,
                                                 base::ByteSpan room) override;

    base::Result<void> settle_mechanism();
    base::Result<void> prove();
    base::Result<Mechanism> find_content_mechanism(ecryptfs_pki_oaep_hash hash);
    void use(Mechanism mechanism);

    FoundKey found_;
    Mechanism mechanism_{};
    std::optional<module::RsaPublicKey> public_half_;
    std::string locator_;

    std::mutex content_mutex_;
    std::map<ecryptfs_pki_oaep_hash, Mechanism> content_mechanisms_;  // those known to work
};

}  // namespace ecryptfs::pkcs11_module
