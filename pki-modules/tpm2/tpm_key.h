// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <memory>
#include <string_view>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_entry.h"
#include "pki-modules/common/opened_key.h"
#include "pki-modules/common/rsa_public_key.h"
#include "pki-modules/tpm2/private_half.h"

namespace ecryptfs::tpm2_module {

// Without `with_private_half` no PIN is needed, and no TPM if the key is in a file.
base::Result<std::unique_ptr<module::OpenedKey>> open_key(std::string_view locator,
                                                          const base::SecretEntry& pin,
                                                          bool with_private_half);

// An RSA key in the TPM. encrypt() never waits for the TPM.
class TpmKey : public module::OpenedRsaKey {
  public:
    TpmKey(FoundKey found, const Locator& locator);

    base::Result<void> unlock(const base::SecretEntry& pin);

    bool has_private_half() const override { return private_half_.is_unlocked(); }
    void describe(ecryptfs_pki_description& to) const override {
        public_half_.describe(to, private_half_.warning());
    }
    base::Result<std::size_t> encrypt(base::ByteView file_key, base::ByteSpan room) override {
        return public_half_.encrypt(file_key, room);
    }

  private:
    std::size_t modulus_size() const override { return public_half_.modulus_size(); }
    base::Result<std::size_t> unwrap_file_key(base::ByteView wrapped,
                                              base::ByteSpan room) override {
        return private_half_.decrypt(padding_, wrapped, room);
    }
    base::Result<std::size_t> unwrap_content_key(ecryptfs_pki_oaep_hash hash,
                                                 base::ByteView wrapped,
                                                 base::ByteSpan room) override;

    module::RsaPadding padding_;
    bool fixed_scheme_;
    module::RsaPublicKey public_half_;
    PrivateHalf private_half_;
};

// A key of P-256 or P-384 in the TPM.
class TpmCurveKey : public module::OpenedCurveKey {
  public:
    TpmCurveKey(FoundKey found, const Locator& locator);

    base::Result<void> unlock(const base::SecretEntry& pin);

    bool has_private_half() const override { return private_half_.is_unlocked(); }
    void describe(ecryptfs_pki_description& to) const override {
        module::describe_curve_key(to, public_half(), private_half_.warning());
    }
    base::Result<std::size_t> derive(base::ByteView peer, base::ByteSpan room) override {
        return private_half_.derive(peer, room);
    }

  private:
    PrivateHalf private_half_;
};

}  // namespace ecryptfs::tpm2_module
