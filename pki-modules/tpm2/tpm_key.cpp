// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/tpm2/tpm_key.h"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>

#include "lib/base/try.h"
#include "pki-modules/common/module_edge.h"
#include "pki-modules/common/openssl_error.h"
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

Result<std::unique_ptr<TpmKey>> TpmKey::open(std::string_view uri,
                                             std::optional<base::ByteView> pin,
                                             bool with_private_half) {
    const auto locator = TRY(parse_locator(uri));
    auto found = TRY(find(locator));
    if (with_private_half) {
        TRY(settle_policy(locator, found));
    }
    std::unique_ptr<TpmKey> key(new TpmKey(std::move(found), locator));
    if (with_private_half) {
        key->tpm_ = Tpm::at(locator.tcti);
        TRY(key->unlock(pin, locator.without_pin));
        key->needs_pin_ = !key->in_tpm_.pin.empty();
    }
    return key;
}

// The TPM counts what fails, and locks itself: one thing is tried, with the PIN or, if the URI says
// so, without. What the file says of it (emptyAuth) is no reason to try: tpm2-tools 5.4 writes the
// opposite.
Result<void> TpmKey::unlock(std::optional<base::ByteView> pin, bool without_pin) {
    const bool takes_pin = in_tpm_.policy.empty() || asks_for_pin(in_tpm_.policy);
    if (without_pin || !takes_pin) {
        return prove();
    }
    if (pin && !pin->empty()) {
        auto opened = unlock_with(*pin);
        // The needless PIN of a key that has none is no error, and where nothing is counted one may
        // find out.
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

Result<void> TpmKey::unlock_with(base::ByteView pin) {
    const std::size_t most = hash_size(in_tpm_.name_hash);
    if (without_trailing_zeros(pin).size() > most) {
        return std::unexpected(
            Error{ErrorCode::kWrongSecret, fmt::format("wrong PIN for {}", in_tpm_.what),
                  fmt::format("try again: no PIN of this key has more than {} bytes", most)});
    }
    auto kept = TRY(base::SecretBytes::copy_of(pin));
    in_tpm_.pin = std::move(kept);
    auto proven = prove();
    if (!proven) {
        in_tpm_.pin.clear();
    }
    return proven;
}

// One real use: a wrong PIN, a key of another TPM or halves that do not fit show here.
Result<void> TpmKey::prove() {
    std::array<std::uint8_t, 32> probe{};
    module::check_openssl("RAND_bytes", ::RAND_bytes(probe.data(), probe.size()));
    probe[0] |= 1;  // not all zeros
    std::array<std::uint8_t, ECRYPTFS_PKI_MAX_WRAPPED_KEY> wrapped{};
    std::array<std::uint8_t, ECRYPTFS_PKI_MAX_FILE_KEY> unwrapped{};
    const auto wrapped_size = TRY(encrypt(probe, wrapped));
    const auto size = decrypt_in_tpm(base::ByteView{wrapped}.first(wrapped_size), unwrapped);
    if (size && std::ranges::equal(base::ByteView{unwrapped}.first(*size), probe)) {
        return {};
    }
    if (!size && size.error().code != ErrorCode::kDecryptFailed) {
        return std::unexpected(size.error());
    }
    return std::unexpected(Error{
        ErrorCode::kInvalidKey, fmt::format("{} is damaged: its halves do not match", in_tpm_.what),
        "restore the file from a backup"});
}

Result<std::size_t> TpmKey::decrypt_in_tpm(base::ByteView wrapped, base::ByteSpan room) {
    // Shorter than the modulus is right, too: a number whose leading zeros were left off, as MPIs
    // have it. The TPM wants them.
    const std::size_t modulus_size = public_half_.modulus_size();
    if (wrapped.empty() || wrapped.size() > modulus_size) {
        return std::unexpected(module::decrypt_failed());
    }
    std::array<std::uint8_t, ECRYPTFS_PKI_MAX_WRAPPED_KEY> padded{};
    const auto number = base::ByteSpan{padded}.first(modulus_size);
    std::ranges::copy(wrapped, number.last(wrapped.size()).begin());
    return tpm_->decrypt(in_tpm_, number, room.first(ECRYPTFS_PKI_MAX_FILE_KEY));
}

Result<std::size_t> TpmKey::decrypt(base::ByteView wrapped, base::ByteSpan room) {
    TRY(module::check_decrypt_sizes(room.size()));
    if (!tpm_) {
        return std::unexpected(Error{ErrorCode::kInternal, "the key was opened for encrypting only",
                                     "this is a fault of the caller: report it"});
    }
    auto size = decrypt_in_tpm(wrapped, room);
    if (!size && size.error().code == ErrorCode::kNotFound) {
        size.error().code = ErrorCode::kTokenRemoved;  // it was there when the key was opened
    }
    return size;
}

}  // namespace ecryptfs::tpm2_module
