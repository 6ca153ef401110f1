// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/pkcs11/token_key.h"

#include <fmt/format.h>

#include <algorithm>

#include "lib/base/try.h"
#include "pki-modules/common/key_proof.h"
#include "pki-modules/common/module_edge.h"

namespace ecryptfs::pkcs11_module {

using base::ByteSpan;
using base::ByteView;
using base::Error;
using base::ErrorCode;
using base::Result;

namespace {

// Those by which a token may unwrap content keys, best first.
std::vector<Mechanism> content_mechanisms(ecryptfs_pki_oaep_hash hash) {
    return hash == ECRYPTFS_PKI_OAEP_SHA1
               ? std::vector{Mechanism::kOaepSha1, Mechanism::kRawOaepSha1}
               : std::vector{Mechanism::kOaepSha256, Mechanism::kRawOaepSha256};
}

}  // namespace

Result<std::unique_ptr<module::OpenedKey>> TokenKey::settle(FoundKey found) {
    std::unique_ptr<TokenKey> key(new TokenKey(std::move(found)));
    TRY(key->settle_mechanism());
    auto locator = TRY(precise_locator(key->found_, key->mechanism_));
    key->locator_ = std::move(locator);
    return key;
}

Result<void> TokenKey::settle_mechanism() {
    auto& token = found_.token;
    const auto offered = token.rsa_mechanisms();
    const auto& wanted = found_.uri.mechanism;
    if (offered.empty() || (wanted && !offers(offered, *wanted))) {
        return std::unexpected(
            Error{ErrorCode::kNotSupported,
                  fmt::format("{} cannot do {}", token.text(),
                              wanted ? mechanism_name(*wanted) : "RSA decryption"),
                  "leave out x-mechanism: the module then finds out what the token can do"});
    }
    if (wanted || !found_.private_key) {
        use(wanted.value_or(offered.front()));
        return {};
    }
    const auto trial = [&](Mechanism mechanism) {
        use(mechanism);
        return prove();
    };
    TRY(choose_mechanism(
        offered, found_.half.numbers.rsa.modulus.size(), trial,
        {ErrorCode::kInvalidKey,
         fmt::format("{} does not unwrap what its public half wraps", key_text(token)),
         "check that the two belong together, and that the key may decrypt"}));
    return {};
}

Result<void> TokenKey::prove() {
    return module::prove_halves_match(
        *public_half_,
        [this](ByteView wrapped, ByteSpan room) { return unwrap_file_key(wrapped, room); },
        module::decrypt_failed());
}

void TokenKey::use(Mechanism mechanism) {
    mechanism_ = mechanism;
    public_half_.emplace(found_.half.numbers.rsa, mechanism_padding(mechanism),
                         key_text(found_.token));
}

Result<std::size_t> TokenKey::unwrap_content_key(ecryptfs_pki_oaep_hash hash, ByteView wrapped,
                                                 ByteSpan room) {
    const auto mechanism = TRY(find_content_mechanism(hash));
    return found_.private_key->decrypt(mechanism, wrapped, room);
}

// Tokens say that they can do OAEP, but not with which hash. So each mechanism is tried with bytes
// that were wrapped here, as a failure with others may come from them.
Result<Mechanism> TokenKey::find_content_mechanism(ecryptfs_pki_oaep_hash hash) {
    auto candidates = content_mechanisms(hash);
    if (std::ranges::find(candidates, mechanism_) != candidates.end()) {
        return mechanism_;  // the key was opened with it
    }
    const std::scoped_lock lock(content_mutex_);
    if (const auto known = content_mechanisms_.find(hash); known != content_mechanisms_.end()) {
        return known->second;
    }
    std::erase_if(candidates, [offered = found_.token.rsa_mechanisms()](Mechanism mechanism) {
        return !offers(offered, mechanism);
    });
    const auto trial = [&](Mechanism mechanism) {
        module::RsaPublicKey half(found_.half.numbers.rsa, mechanism_padding(mechanism),
                                  key_text(found_.token));
        return module::prove_halves_match(
            half,
            [&](ByteView wrapped, ByteSpan room) {
                return found_.private_key->decrypt(mechanism, wrapped, room);
            },
            module::decrypt_failed());
    };
    const Error none_works{ErrorCode::kNotSupported,
                           fmt::format("{} cannot unwrap by OAEP with {}", found_.token.text(),
                                       hash == ECRYPTFS_PKI_OAEP_SHA1 ? "SHA-1" : "SHA-256"),
                           "use another key or token"};
    auto chosen =
        choose_mechanism(candidates, found_.half.numbers.rsa.modulus.size(), trial, none_works);
    if (!chosen) {
        return chosen.error().code == ErrorCode::kInternal ? std::unexpected(none_works)
                                                           : std::move(chosen);
    }
    content_mechanisms_.emplace(hash, *chosen);
    return chosen;
}

void TokenKey::describe(ecryptfs_pki_description& to) const {
    public_half_->describe(to, found_.warning);
    module::put_text(to.locator, locator_);
}

}  // namespace ecryptfs::pkcs11_module
