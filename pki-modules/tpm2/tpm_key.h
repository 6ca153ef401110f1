// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_entry.h"
#include "pki-modules/common/opened_key.h"
#include "pki-modules/common/rsa_public_key.h"
#include "pki-modules/tpm2/locator.h"
#include "pki-modules/tpm2/public_area.h"
#include "pki-modules/tpm2/tpm.h"

namespace ecryptfs::tpm2_module {

// An RSA key in the TPM. Any thread; encrypt() never waits for the TPM.
class TpmKey : public module::OpenedRsaKey {
  public:
    // Without `with_private_half` the key can only encrypt(): then no PIN is needed, and no TPM if
    // the key is in a file.
    static base::Result<std::unique_ptr<TpmKey>> open(std::string_view locator,
                                                      const base::SecretEntry& pin,
                                                      bool with_private_half);
    ~TpmKey() override;
    TpmKey(const TpmKey&) = delete;
    TpmKey& operator=(const TpmKey&) = delete;
    TpmKey(TpmKey&&) = delete;
    TpmKey& operator=(TpmKey&&) = delete;

    bool has_private_half() const override { return tpm_ != nullptr; }
    void describe(ecryptfs_pki_description& to) const override {
        public_half_.describe(to, needs_pin_ ? "" : exposure_);
    }

    base::Result<std::size_t> encrypt(base::ByteView file_key, base::ByteSpan room) override {
        return public_half_.encrypt(file_key, room);
    }

  private:
    std::size_t modulus_size() const override { return public_half_.modulus_size(); }
    base::Result<std::size_t> unwrap_file_key(base::ByteView wrapped, base::ByteSpan room) override;
    // A key as it was read, before its first use.
    struct Found {
        PublicArea area;
        KeyInTpm in_tpm;
        std::string exposure;  // of the file; empty: none
    };
    static base::Result<Found> find(const Locator& locator);
    static base::Result<Found> find_in_file(const Locator& locator);
    static base::Result<Found> find_in_tpm(const Locator& locator);
    static base::Result<void> settle_policy(const Locator& locator, Found& found);
    static base::Result<void> settle_policy_by_pcrs(const Locator& locator, Found& found);

    TpmKey(Found found, const Locator& locator);
    base::Result<void> unlock(const base::SecretEntry& pin, bool without_pin);
    base::Result<void> unlock_by_pin(base::ByteView pin);
    base::Result<void> prove();

    module::RsaPublicKey public_half_;
    KeyInTpm in_tpm_;
    bool no_lockout_;
    std::string exposure_;
    bool needs_pin_ = true;  // until a use has shown that it needs none
    std::string tcti_;
    std::shared_ptr<Tpm> tpm_;  // null when opened for encrypt() alone
};

}  // namespace ecryptfs::tpm2_module
