// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/tpm2/tpm_key.h"

#include <fmt/format.h>

#include "lib/base/try.h"
#include "pki-modules/common/key_proof.h"

namespace ecryptfs::tpm2_module {

using base::ByteSpan;
using base::ByteView;
using base::Error;
using base::ErrorCode;
using base::Result;

namespace {

template <typename Key>
Result<std::unique_ptr<module::OpenedKey>> finish_opening(FoundKey found, const Locator& locator,
                                                          const base::SecretEntry& pin,
                                                          bool with_private_half) {
    auto key = std::make_unique<Key>(std::move(found), locator);
    if (with_private_half) {
        TRY(key->unlock(pin));
    }
    return key;
}

}  // namespace

Result<std::unique_ptr<module::OpenedKey>> open_key(std::string_view uri,
                                                    const base::SecretEntry& pin,
                                                    bool with_private_half) {
    const auto locator = TRY(parse_locator(uri));
    auto found = TRY(find_key(locator));
    if (with_private_half) {
        TRY(settle_policy(locator, found));
    }
    return found.area.is_rsa()
               ? finish_opening<TpmKey>(std::move(found), locator, pin, with_private_half)
               : finish_opening<TpmCurveKey>(std::move(found), locator, pin, with_private_half);
}

TpmKey::TpmKey(FoundKey found, const Locator& locator)
    : padding_(found.area.padding),
      fixed_scheme_(found.area.fixed_scheme),
      public_half_(std::move(found.area.numbers), padding_, found.in_tpm.what),
      private_half_(std::move(found), locator) {}

Result<void> TpmKey::unlock(const base::SecretEntry& pin) {
    return private_half_.unlock(pin, [this] {
        return module::prove_halves_match(
            public_half_,
            [this](ByteView wrapped, ByteSpan room) { return unwrap_file_key(wrapped, room); },
            module::damaged_halves(private_half_.what()));
    });
}

Result<std::size_t> TpmKey::unwrap_content_key(ecryptfs_pki_oaep_hash hash, ByteView wrapped,
                                               ByteSpan room) {
    const auto padding = hash == ECRYPTFS_PKI_OAEP_SHA1 ? module::RsaPadding::kOaepSha1
                                                        : module::RsaPadding::kOaepSha256;
    if (fixed_scheme_ && padding != padding_) {
        return std::unexpected(Error{ErrorCode::kNotSupported,
                                     fmt::format("{} is fixed to another scheme than OAEP with {}",
                                                 private_half_.what(), module::hash_name(padding)),
                                     "use another key or token"});
    }
    return private_half_.decrypt(padding, wrapped, room);
}

TpmCurveKey::TpmCurveKey(FoundKey found, const Locator& locator)
    : OpenedCurveKey(std::move(found.area.point), {}), private_half_(std::move(found), locator) {}

Result<void> TpmCurveKey::unlock(const base::SecretEntry& pin) {
    return private_half_.unlock(pin, [this] {
        return module::prove_curve_halves_match(
            public_half(), [this](ByteView peer, ByteSpan room) { return derive(peer, room); },
            module::damaged_halves(private_half_.what()));
    });
}

}  // namespace ecryptfs::tpm2_module
