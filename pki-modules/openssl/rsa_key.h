// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_entry.h"
#include "pki-modules/common/rsa_public_key.h"

namespace ecryptfs::openssl_module {

// An RSA key from a PEM file, parsed once. RSA-OAEP with SHA-1 and an empty label, as in the daemon
// of ecryptfs-utils. Any thread.
class RsaKey {
  public:
    // Without `with_private_half` the key can only encrypt(), and keeps no private half.
    static base::Result<std::unique_ptr<RsaKey>> open(std::string_view locator,
                                                      const base::SecretEntry& passphrase,
                                                      bool with_private_half);

    std::size_t modulus_size() const { return public_half_.modulus_size(); }
    bool has_private_half() const { return private_half_.has_value(); }
    void describe(ecryptfs_pki_description& to) const { public_half_.describe(to, warning_); }

    // Both return the size written.
    base::Result<std::size_t> encrypt(base::ByteView file_key, base::ByteSpan room) {
        return public_half_.encrypt(file_key, room);
    }
    base::Result<std::size_t> decrypt(base::ByteView wrapped, base::ByteSpan room);

  private:
    explicit RsaKey(module::RsaNumbers numbers, std::string_view what);
    base::Result<std::size_t> decrypt_first(base::ByteView wrapped, base::ByteSpan room);

    module::RsaPublicKey public_half_;
    std::string warning_;
    std::optional<module::RsaContexts> private_half_;
};

}  // namespace ecryptfs::openssl_module
