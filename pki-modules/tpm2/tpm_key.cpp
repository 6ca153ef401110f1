// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/tpm2/tpm_key.h"

#include <fmt/format.h>

#include "lib/base/try.h"
#include "pki-modules/common/key_proof.h"
#include "pki-modules/tpm2/tpm_error.h"

namespace ecryptfs::tpm2_module {

using base::Error;
using base::ErrorCode;
using base::Result;

TpmKey::TpmKey(Found found, const Locator& locator)
    : public_half_(std::move(found.area.numbers), found.area.padding, found.in_tpm.what),
      in_tpm_(std::move(found.in_tpm)),
      no_lockout_(found.area.no_lockout),
      exposure_(std::move(found.exposure)),
      tcti_(locator.tcti) {}

TpmKey::~TpmKey() {
    if (tpm_) {
        tpm_->unload(in_tpm_);
    }
}

Result<std::unique_ptr<TpmKey>> TpmKey::open(std::string_view uri, const base::SecretEntry& pin,
                                             bool with_private_half) {
    const auto locator = TRY(parse_locator(uri));
    auto found = TRY(find(locator));
    if (with_private_half) {
        TRY(settle_policy(locator, found));
    }
    std::unique_ptr<TpmKey> key(new TpmKey(std::move(found), locator));
    if (with_private_half) {
        key->tpm_ = Tpm::find_or_create(locator.tcti);
        TRY(key->unlock(pin, locator.without_pin));
        key->needs_pin_ = !key->in_tpm_.pin.empty();
    }
    return key;
}

// The TPM counts failures and locks itself. So only one thing is tried: the PIN or, if the URI says
// so, no PIN. The file's emptyAuth does not count, as tpm2-tools 5.4 writes the opposite.
Result<void> TpmKey::unlock(const base::SecretEntry& pin, bool without_pin) {
    const bool takes_pin = in_tpm_.policy.empty() || asks_for_pin(in_tpm_.policy);
    if (without_pin || !takes_pin) {
        return prove();
    }
    if (const auto* typed = std::get_if<base::TypedSecret>(&pin)) {
        auto opened = unlock_by_pin(typed->bytes);
        // A PIN for a key that has none is no error. If the TPM does not count failures, we may
        // try.
        const bool needless =
            !opened && opened.error().code == ErrorCode::kWrongSecret && no_lockout_ && prove();
        return needless ? Result<void>{} : opened;
    }
    if (!no_lockout_) {
        return std::unexpected(
            Error{ErrorCode::kSecretRequired, fmt::format("{} needs its PIN", in_tpm_.what),
                  "give the PIN of the key; if it has none, add ?auth=none to its URI"});
    }
    return prove();
}

Result<void> TpmKey::unlock_by_pin(base::ByteView pin) {
    const std::size_t most = hash_size(in_tpm_.name_hash);
    if (without_trailing_zeros(pin).size() > most) {
        return std::unexpected(
            Error{ErrorCode::kWrongSecret, fmt::format("wrong PIN for {}", in_tpm_.what),
                  fmt::format("try again: no PIN of this key has more than {} bytes", most)});
    }
    auto kept = TRY(base::SecretBytes::copy(pin));
    in_tpm_.pin = std::move(kept);
    auto proven = prove();
    if (!proven) {
        in_tpm_.pin.clear();
    }
    return proven;
}

Result<void> TpmKey::prove() {
    return module::prove_halves_match(
        public_half_,
        [this](base::ByteView wrapped, base::ByteSpan room) {
            return tpm_->decrypt(in_tpm_, wrapped, room);
        },
        module::damaged_halves(in_tpm_.what));
}

Result<std::size_t> TpmKey::unwrap_file_key(base::ByteView wrapped, base::ByteSpan room) {
    auto size = tpm_->decrypt(in_tpm_, wrapped, room);
    if (!size && size.error().code == ErrorCode::kNotFound) {
        size.error().code = ErrorCode::kTokenRemoved;  // it was there when the key was opened
    }
    return size;
}

}  // namespace ecryptfs::tpm2_module
