// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <functional>
#include <memory>
#include <string>

#include "lib/base/error.h"
#include "lib/base/secret_entry.h"
#include "pki-modules/tpm2/locator.h"
#include "pki-modules/tpm2/public_area.h"
#include "pki-modules/tpm2/tpm.h"

namespace ecryptfs::tpm2_module {

// A key as it was read, before its first use.
struct FoundKey {
    PublicArea area;
    KeyInTpm in_tpm;
    std::string exposure;  // of the file; empty: none
};

// Reads it from its file or from the TPM.
base::Result<FoundKey> find_key(const Locator& locator);
// Finds the policy to execute, if there is one. A key's file says it. For a key in the TPM, the URI
// does.
base::Result<void> settle_policy(const Locator& locator, FoundKey& found);

// The private half of an open key, in the TPM, once it is unlocked. Any thread.
class PrivateHalf {
  public:
    PrivateHalf(FoundKey found, const Locator& locator);
    ~PrivateHalf();
    PrivateHalf(const PrivateHalf&) = delete;
    PrivateHalf& operator=(const PrivateHalf&) = delete;
    PrivateHalf(PrivateHalf&&) = delete;
    PrivateHalf& operator=(PrivateHalf&&) = delete;

    const std::string& what() const { return in_tpm_.what; }  // for messages
    bool is_unlocked() const { return tpm_ != nullptr; }
    // What to warn of; empty if there is nothing.
    const std::string& warning() const { return needs_pin_ ? kNone : exposure_; }

    // `prove`: uses the key once.
    using Proof = std::function<base::Result<void>()>;
    base::Result<void> unlock(const base::SecretEntry& pin, const Proof& prove);

    // Both return the size written.
    base::Result<std::size_t> decrypt(module::RsaPadding padding, base::ByteView wrapped,
                                      base::ByteSpan room);
    base::Result<std::size_t> derive(base::ByteView peer, base::ByteSpan room);

  private:
    inline static const std::string kNone;

    base::Result<void> try_pin(const base::SecretEntry& pin, const Proof& prove);
    base::Result<void> unlock_by_pin(base::ByteView pin, const Proof& prove);
    base::Result<std::size_t> after_use(base::Result<std::size_t> size) const;

    KeyInTpm in_tpm_;
    bool no_lockout_;
    bool without_pin_;  // the URI says so
    std::string exposure_;
    bool needs_pin_ = true;  // until a use has shown that it needs none
    bool was_proven_ = false;
    std::string tcti_;
    std::shared_ptr<Tpm> tpm_;  // null when opened for encrypt() alone
};

}  // namespace ecryptfs::tpm2_module
