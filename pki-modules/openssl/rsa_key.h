// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "pki-modules/common/opened_key.h"
#include "pki-modules/common/rsa_public_key.h"

namespace ecryptfs::openssl_module {

// An RSA key from a PEM file. File keys have RSA-OAEP with SHA-1 and an empty label, as in the
// daemon of ecryptfs-utils.
class RsaKey : public module::OpenedRsaKey {
  public:
    // `what` names the key in messages. Throws base::Failure for a key that does not suit eCryptfs.
    RsaKey(const evp_pkey_st& key, std::string_view what, std::string warning);

    // Keeps the private half of the same key, which must match the public one: kInvalidKey.
    base::Result<void> add_private_half(module::EvpPkey key, std::string_view what);

    bool has_private_half() const override { return private_half_ != nullptr; }
    void describe(ecryptfs_pki_description& to) const override {
        public_half_.describe(to, warning_);
    }
    base::Result<std::size_t> encrypt(base::ByteView file_key, base::ByteSpan room) override {
        return public_half_.encrypt(file_key, room);
    }

  private:
    // For each hash of OAEP.
    struct PrivateHalf {
        module::RsaContexts sha1;
        module::RsaContexts sha256;
    };

    std::size_t modulus_size() const override { return public_half_.modulus_size(); }
    base::Result<std::size_t> unwrap_file_key(base::ByteView wrapped, base::ByteSpan room) override;
    base::Result<std::size_t> unwrap_content_key(ecryptfs_pki_oaep_hash hash,
                                                 base::ByteView wrapped,
                                                 base::ByteSpan room) override;
    base::Result<std::size_t> unwrap_first(base::ByteView wrapped, base::ByteSpan room);
    base::Result<std::size_t> unwrap(module::RsaContexts& contexts, base::ByteView wrapped,
                                     base::ByteSpan room);

    module::RsaPublicKey public_half_;
    std::string warning_;
    std::unique_ptr<PrivateHalf> private_half_;
};

}  // namespace ecryptfs::openssl_module
