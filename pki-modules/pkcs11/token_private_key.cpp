// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/pkcs11/token_private_key.h"

#include <fmt/format.h>
#include <p11-kit/pkcs11.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "ecryptfs_pki_module.h"
#include "lib/base/try.h"
#include "lib/base/verb_advice.h"
#include "pki-modules/common/module_edge.h"
#include "pki-modules/pkcs11/decryption.h"
#include "pki-modules/pkcs11/derivation.h"

namespace ecryptfs::pkcs11_module {

using base::ByteSpan;
using base::ByteView;
using base::Error;
using base::ErrorCode;
using base::Result;
using base::SecretBytes;

namespace {

Error unusable(const Token& token, std::string_view why, std::string advice) {
    return {ErrorCode::kInvalidKey, fmt::format("the key on {} {}", token.text(), why),
            std::move(advice)};
}

std::string choice_text(const Session& session, const std::vector<ObjectHandle>& keys) {
    std::vector<ObjectName> names;
    std::ranges::transform(keys, std::back_inserter(names),
                           [&](ObjectHandle key) { return read_name(session, key); });
    return list_choices(names);
}

Error several_keys(const Session& session, const Token& token,
                   const std::vector<ObjectHandle>& keys) {
    return {ErrorCode::kInvalidArgument,
            fmt::format("the URI matches {} keys on {}", keys.size(), token.text()),
            fmt::format("name one of them in the URI: {}", choice_text(session, keys))};
}

bool is_free(const Session& session, const std::optional<std::string>& label) {
    const auto has_none = [&](ObjectClass type) {
        const auto found = find_objects(session, type, {std::nullopt, label});
        return found && found->empty();
    };
    return label && has_none(ObjectClass::kPrivateKey) && has_none(ObjectClass::kPublicKey) &&
           has_none(ObjectClass::kCertificate);
}

}  // namespace

Result<std::unique_ptr<TokenPrivateKey>> TokenPrivateKey::open(Token& token, const KeyUri& uri,
                                                               const base::SecretEntry& pin) {
    auto login = TRY(token.login().begin(pin));
    std::unique_ptr<TokenPrivateKey> key(new TokenPrivateKey(token, uri, std::move(login)));
    TRY(key->read_object());
    return key;
}

Result<void> TokenPrivateKey::read_object() {
    const auto session = TRY(token_.sessions().take_live());
    const auto turn = token_.sessions().turns().take_shared();
    const auto object = TRY(find_object(session));
    kind_ = read_kind(session, object);
    TRY(check_purpose(session, object));
    name_ = read_name(session, object);
    numbers_ = read_numbers(session, object);
    confirm_each_ = read_flag(session, object, CKA_ALWAYS_AUTHENTICATE).value_or(false);
    if (confirm_each_ && !token_.login().has_pin()) {
        return std::unexpected(Error{
            ErrorCode::kNotSupported,
            fmt::format("the key on {} wants its PIN typed on the pad each time", token_.text()),
            "use a key without CKA_ALWAYS_AUTHENTICATE, or give the PIN here"});
    }
    return {};
}

Result<void> TokenPrivateKey::check_purpose(const Session& session, ObjectHandle object) const {
    const bool is_rsa = kind_ == KeyKind::kRsa;
    if (read_flag(session, object, is_rsa ? CKA_DECRYPT : CKA_DERIVE).value_or(true)) {
        return {};
    }
    return std::unexpected(unusable(
        token_, is_rsa ? "is not for decrypting (CKA_DECRYPT)" : "is not for ECDH (CKA_DERIVE)",
        fmt::format("use one that may, or make one: {}", making_command(session))));
}

// What could have been meant.
std::string TokenPrivateKey::advice_on_others(const Session& session) const {
    const auto keys = find_private_keys(session, {});
    return keys && !keys->empty()
               ? fmt::format("name one of the token's keys in the URI: {}",
                             choice_text(session, *keys))
               : fmt::format("put an RSA key on it: {}", making_command(session));
}

std::string TokenPrivateKey::making_command(const Session& session) const {
    constexpr std::size_t kMost = 200;  // in an advice, of ECRYPTFS_PKI_MAX_TEXT bytes
    auto place = precise_uri(token_.name());
    place.object = is_free(session, uri_.object) ? uri_.object : "ecryptfs";
    place.module_path = uri_.module_path;
    place.module_name = uri_.module_name;
    const auto whole = base::make_token_key_command(place.text());
    return whole.size() <= kMost ? whole
                                 : base::make_token_key_command("pkcs11:token=TOKEN;object=LABEL");
}

Result<ObjectHandle> TokenPrivateKey::search_object(const Session& session) const {
    const auto keys = TRY(find_private_keys(session, wanted_));
    if (keys.size() > 1) {
        return std::unexpected(several_keys(session, token_, keys));
    }
    if (!keys.empty()) {
        return keys.front();
    }
    TRY(session.pool().check(session));
    const auto others = find_objects(session, ObjectClass::kPrivateKey, wanted_.name);
    if (others && !others->empty()) {
        return std::unexpected(
            unusable(token_, "is not of RSA, P-256 or P-384", advice_on_others(session)));
    }
    return std::unexpected(Error{ErrorCode::kNotFound,
                                 fmt::format("no such private key on {}", token_.text()),
                                 advice_on_others(session)});
}

Result<ObjectHandle> TokenPrivateKey::find_object(const Session& session) {
    {
        const std::scoped_lock lock(mutex_);
        if (epoch_ == session.epoch() && logins_ == token_.login().count()) {
            return object_;
        }
    }
    // A token hides private keys from those who are not logged in.
    TRY(token_.login().restore(session));
    const auto logins = token_.login().count();
    const auto found = search_object(session);
    if (found) {
        const std::scoped_lock lock(mutex_);
        object_ = *found;
        epoch_ = session.epoch();
        logins_ = logins;
    }
    return found;
}

Result<std::size_t> TokenPrivateKey::run(TokenOperation& operation) {
    std::optional<std::size_t> size;
    for (Tried tried; !size;) {
        auto outcome = TRY(try_once(operation, tried));
        size = outcome;
    }
    return *size;
}

Result<std::size_t> TokenPrivateKey::decrypt(Mechanism mechanism, ByteView wrapped, ByteSpan room) {
    auto plain = TRY(SecretBytes::create(ECRYPTFS_PKI_MAX_WRAPPED_KEY));
    Decryption decryption(mechanism, wrapped, plain.span());
    const auto size = TRY(run(decryption));
    const ByteView answer = plain.view().first(size);
    if (mechanism == Mechanism::kRawOaepSha1 || mechanism == Mechanism::kRawOaepSha256) {
        const auto left = remove_oaep(module::hash_name(mechanism_padding(mechanism)), answer,
                                      wrapped.size(), room);
        return left ? Result<std::size_t>(*left) : std::unexpected(module::decrypt_failed());
    }
    if (answer.empty() || answer.size() > room.size()) {
        return std::unexpected(module::decrypt_failed());
    }
    std::memcpy(room.data(), answer.data(), answer.size());
    return answer.size();
}

Result<std::size_t> TokenPrivateKey::derive(Mechanism mechanism, ByteView peer, ByteSpan room) {
    Derivation derivation(mechanism, peer, room);
    return run(derivation);
}

Result<std::optional<std::size_t>> TokenPrivateKey::try_once(TokenOperation& operation,
                                                             Tried& tried) {
    auto session = TRY(token_.sessions().take());
    // A key that was denied may want the PIN each time without saying so.
    auto& turns = token_.sessions().turns();
    const auto turn =
        confirm_each_ || tried.denied_login ? turns.take_exclusive() : turns.take_shared();
    TRY(log_in_after_denial(session, tried));
    const auto object = find_object(session);
    if (!object) {
        if (object.error().code == ErrorCode::kTokenRemoved &&
            !std::exchange(tried.session, true)) {
            session.discard();
            token_.sessions().forget_sessions(session.epoch());
            return std::nullopt;
        }
        return std::unexpected(object.error());
    }
    if (operation.run(session, *object, confirm_each_ ? &token_.login() : nullptr)) {
        return operation.size();
    }
    TRY(recover(session, operation, tried));
    return std::nullopt;
}

// After a denial it may be enough to try again: another thread may have logged in since, or another
// operation may have come between a PIN and the use that it was for.
Result<void> TokenPrivateKey::log_in_after_denial(const Session& session, Tried& tried) {
    auto& login = token_.login();
    if (!tried.denied_login || tried.login) {
        return {};
    }
    const bool is_worth_repeating = confirm_each_ || login.count() != *tried.denied_login;
    if (is_worth_repeating && !std::exchange(tried.repeat, true)) {
        return {};
    }
    tried.login = true;
    return login.renew(session);
}

// Gives an error if there is nothing left to try.
Result<void> TokenPrivateKey::recover(Session& session, const TokenOperation& failed,
                                      Tried& tried) {
    if (failed.not_confirmed()) {
        return std::unexpected(*failed.not_confirmed());
    }
    const auto kind = classify_return_value(failed.value());
    switch (kind) {
        case TokenError::kTokenGone:
        case TokenError::kSessionGone:
            session.discard();
            if (failed.value() != CKR_OPERATION_ACTIVE) {
                token_.sessions().forget_sessions(session.epoch());
            }
            if (std::exchange(tried.session, true)) {
                break;
            }
            return {};
        case TokenError::kNotLoggedIn:
            if (tried.login) {
                break;
            }
            tried.denied_login = token_.login().count();
            return {};
        case TokenError::kObjectGone: {
            if (std::exchange(tried.object, true)) {
                break;
            }
            const std::scoped_lock lock(mutex_);
            epoch_ = 0;
            return {};
        }
        case TokenError::kMechanism:
            break;
        default:
            return recover_from_unclear_error(session, failed, tried);
    }
    return std::unexpected(token_.presence().error(failed.call(), failed.value()));
}

// The return value may concern the wrapped bytes, or the token as a whole.
Result<void> TokenPrivateKey::recover_from_unclear_error(Session& session,
                                                         const TokenOperation& failed,
                                                         Tried& tried) {
    const auto starts = token_.presence().library().starts();
    const bool is_present = token_.presence().info().has_value();
    const bool was_restarted = token_.presence().library().starts() != starts;
    if (is_present && failed.began() && !was_restarted) {
        return std::unexpected(module::decrypt_failed());
    }
    // Keep a session that lives: it is not the cause, and closing the last one logs out.
    if (!is_present || was_restarted || !token_.sessions().check(session)) {
        session.discard();
        token_.sessions().forget_sessions(session.epoch());
    }
    if (is_present && !std::exchange(tried.session, true)) {
        return {};
    }
    return std::unexpected(token_.presence().error(failed.call(), failed.value()));
}

}  // namespace ecryptfs::pkcs11_module
