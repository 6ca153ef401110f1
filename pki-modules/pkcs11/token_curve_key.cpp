// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/pkcs11/token_curve_key.h"

#include <fmt/format.h>

#include "lib/base/try.h"
#include "pki-modules/common/key_proof.h"
#include "pki-modules/common/module_edge.h"

namespace ecryptfs::pkcs11_module {

using base::Error;
using base::ErrorCode;
using base::Result;

Result<std::unique_ptr<module::OpenedKey>> TokenCurveKey::settle(FoundKey found) {
    std::unique_ptr<TokenCurveKey> key(new TokenCurveKey(std::move(found)));
    TRY(key->settle_mechanism());
    auto locator = TRY(precise_locator(key->found_, key->mechanism_));
    key->locator_ = std::move(locator);
    return key;
}

Result<void> TokenCurveKey::settle_mechanism() {
    auto& token = found_.token;
    const auto offered = token.ecdh_mechanisms();
    const auto& wanted = found_.uri.mechanism;
    if (offered.empty() || (wanted && !is_ecdh(*wanted))) {
        return std::unexpected(
            Error{ErrorCode::kNotSupported,
                  fmt::format("{} cannot do {}", key_text(token),
                              offered.empty() ? "ECDH" : mechanism_name(*wanted)),
                  "leave out x-mechanism: the module then finds out what the token can do"});
    }
    mechanism_ = wanted.value_or(offered.front());
    if (wanted || !found_.private_key) {
        return {};
    }
    const auto trial = [&](Mechanism mechanism) {
        mechanism_ = mechanism;
        return module::prove_curve_halves_match(
            public_half(),
            [this](base::ByteView peer, base::ByteSpan room) { return derive(peer, room); },
            module::decrypt_failed());
    };
    TRY(choose_mechanism(
        offered, 0, trial,
        {ErrorCode::kInvalidKey,
         fmt::format("{} does not compute what its public half does", key_text(token)),
         "check that the two belong together, and that the key may do ECDH (CKA_DERIVE)"}));
    return {};
}

void TokenCurveKey::describe(ecryptfs_pki_description& to) const {
    OpenedCurveKey::describe(to);
    module::put_text(to.locator, locator_);
}

}  // namespace ecryptfs::pkcs11_module
