// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/tpm2/private_half.h"

#include <fmt/format.h>

#include "lib/base/try.h"

namespace ecryptfs::tpm2_module {

using base::Error;
using base::ErrorCode;
using base::Result;

PrivateHalf::PrivateHalf(FoundKey found, const Locator& locator)
    : in_tpm_(std::move(found.in_tpm)),
      no_lockout_(found.area.no_lockout),
      without_pin_(locator.without_pin),
      exposure_(std::move(found.exposure)),
      tcti_(locator.tcti) {}

PrivateHalf::~PrivateHalf() {
    if (tpm_) {
        tpm_->unload(in_tpm_);
    }
}

Result<void> PrivateHalf::unlock(const base::SecretEntry& pin, const Proof& prove) {
    tpm_ = Tpm::find_or_create(tcti_);
    TRY(try_pin(pin, prove));
    needs_pin_ = !in_tpm_.pin.empty();
    was_proven_ = true;
    return {};
}

// The TPM counts failures and locks itself. So only one thing is tried: the PIN or, if the URI says
// so, no PIN. The file's emptyAuth does not count, as tpm2-tools 5.4 writes the opposite.
Result<void> PrivateHalf::try_pin(const base::SecretEntry& pin, const Proof& prove) {
    const bool takes_pin = in_tpm_.policy.empty() || asks_for_pin(in_tpm_.policy);
    if (without_pin_ || !takes_pin) {
        return prove();
    }
    if (const auto* typed = std::get_if<base::TypedSecret>(&pin)) {
        auto opened = unlock_by_pin(typed->bytes, prove);
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

Result<void> PrivateHalf::unlock_by_pin(base::ByteView pin, const Proof& prove) {
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

Result<std::size_t> PrivateHalf::decrypt(module::RsaPadding padding, base::ByteView wrapped,
                                         base::ByteSpan room) {
    return after_use(tpm_->decrypt(in_tpm_, padding, wrapped, room));
}

Result<std::size_t> PrivateHalf::derive(base::ByteView peer, base::ByteSpan room) {
    return after_use(tpm_->derive(in_tpm_, peer, room));
}

Result<std::size_t> PrivateHalf::after_use(Result<std::size_t> size) const {
    if (was_proven_ && !size && size.error().code == ErrorCode::kNotFound) {
        size.error().code = ErrorCode::kTokenRemoved;  // it was there when the key was opened
    }
    return size;
}

}  // namespace ecryptfs::tpm2_module
