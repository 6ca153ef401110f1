// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/pkcs11/open_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "lib/base/try.h"
#include "pki-modules/pkcs11/pin_source.h"
#include "pki-modules/pkcs11/token_curve_key.h"
#include "pki-modules/pkcs11/token_key.h"

namespace ecryptfs::pkcs11_module {

using base::Error;
using base::ErrorCode;
using base::Result;

namespace {

// The parts of a key share its id. Their labels may differ.
KeyName public_name(const KeyUri& uri) {
    return uri.id ? KeyName{{uri.id, std::nullopt}, std::nullopt}
                  : KeyName{{std::nullopt, uri.object}, uri.type};
}

// Several objects may be one key, such as two certificates for it.
Result<PublicHalf> require_one_key(std::vector<PublicHalf> halves, const Token& token) {
    const auto same = [&](const PublicHalf& half) {
        return half.numbers.is_same_key(halves.front().numbers);
    };
    if (!std::ranges::all_of(halves, same)) {
        std::vector<ObjectName> names;
        std::ranges::transform(halves, std::back_inserter(names), &PublicHalf::name);
        return std::unexpected(
            Error{ErrorCode::kInvalidArgument,
                  fmt::format("the URI matches several keys on {}", token.text()),
                  fmt::format("name one of them in the URI: {}", list_choices(names))});
    }
    return std::move(halves.front());
}

Result<std::vector<PublicHalf>> find_token_public_halves(Token& token, const KeyName& name) {
    const auto session = TRY(token.sessions().take_live());
    const auto turn = token.sessions().turns().take_shared();
    return find_public_halves(session, name);
}

// The token that has the key, as far as it shows without a PIN.
Result<Token*> find_key_token(const KeyUri& uri) {
    auto tokens = Token::find_all(uri);
    if (!tokens) {
        return std::unexpected(tokens.error());
    }
    std::erase_if(*tokens, [](Token* token) { return token->mechanisms().empty(); });
    if (tokens->size() > 1) {
        std::vector<Token*> with_key = *tokens;
        std::erase_if(with_key, [&](Token* token) {
            const auto halves = find_token_public_halves(*token, public_name(uri));
            return !halves || halves->empty();
        });
        if (!with_key.empty()) {
            tokens = std::move(with_key);
        }
    }
    return Token::require_one(*tokens, uri);
}

// The key's numbers, and the name by which open_public() finds it.
Result<PublicHalf> find_public_half(Token& token, const TokenPrivateKey& key, const KeyUri& uri) {
    const auto& id = key.name().id;
    auto halves = TRY(find_token_public_halves(
        token, id ? KeyName{{id, std::nullopt}, std::nullopt} : public_name(uri)));
    // An id or a label need not be unique.
    std::erase_if(halves, [&](const PublicHalf& one) {
        return one.numbers.point.curve != kind_curve(key.kind());
    });
    if (halves.empty()) {
        if (!key.numbers()) {
            return std::unexpected(Error{
                ErrorCode::kInvalidKey, fmt::format("{} has no public half there", key_text(token)),
                "put its public key or certificate on the token, with the same id"});
        }
        return PublicHalf{*key.numbers(), key.name()};
    }
    // A renewed certificate may have kept its id though its key is new.
    const auto is_others = [&](const PublicHalf& one) {
        return key.numbers() && !one.numbers.is_same_key(*key.numbers());
    };
    if (id && !std::ranges::all_of(halves, is_others)) {
        std::erase_if(halves, is_others);
    }
    auto found = require_one_key(std::move(halves), token);
    if (found && is_others(*found)) {
        return std::unexpected(
            Error{ErrorCode::kInvalidKey,
                  fmt::format("{}: the public key of the same {} is another key's", key_text(token),
                              id ? "id" : "label"),
                  "give the key's own public key or certificate its id"});
    }
    return found;
}

Result<FoundKey> find_private(Token& token, const KeyUri& uri, const base::SecretEntry& pin) {
    const auto chosen = TRY(ChosenPin::choose(pin, uri.pin_source));
    auto key = TRY(TokenPrivateKey::open(token, uri, chosen.entry()));
    KeyUri own = uri;
    if (const auto& name = key->name(); !name.id && name.label) {
        own.object = name.label;  // the URI may have named the certificate
        own.type.reset();
    }
    auto half = TRY(find_public_half(token, *key, own));
    return FoundKey{token, std::move(own), std::move(half), std::move(key), chosen.exposure()};
}

Result<FoundKey> find_public(Token& token, const KeyUri& uri, const base::SecretEntry& pin) {
    auto halves = TRY(find_token_public_halves(token, public_name(uri)));
    if (halves.empty()) {
        // The private key may show its numbers to whoever has the PIN.
        auto found = find_private(token, uri, pin);
        if (found) {
            found->private_key.reset();
        }
        return found;
    }
    auto half = TRY(require_one_key(std::move(halves), token));
    return FoundKey{token, uri, std::move(half), nullptr, {}};
}

}  // namespace

std::string key_text(const Token& token) {
    return fmt::format("the key on {}", token.text());
}

Result<std::string> precise_locator(const FoundKey& key, Mechanism mechanism) {
    KeyUri uri = key.uri;
    const KeyUri precise = precise_uri(key.token.name());
    uri.label = precise.label;
    uri.serial = precise.serial;
    uri.manufacturer = precise.manufacturer;
    uri.model = precise.model;
    if (key.half.name.id) {
        uri.id = key.half.name.id;
    }
    if (!uri.object) {
        uri.object = key.half.name.label;
    }
    uri.mechanism = mechanism;
    auto locator = uri.text();
    if (locator.size() >= ECRYPTFS_PKI_MAX_LOCATOR) {
        return std::unexpected(
            Error{ErrorCode::kInvalidArgument,
                  fmt::format("{} has too long a name for a URI", key_text(key.token)),
                  "shorten its label or the module's path"});
    }
    return locator;
}

Result<std::unique_ptr<module::OpenedKey>> open_key(std::string_view text,
                                                    const base::SecretEntry& pin,
                                                    bool with_private_half) {
    const auto uri = TRY(KeyUri::parse(text));
    const auto token = TRY(find_key_token(uri));
    auto found =
        TRY(with_private_half ? find_private(*token, uri, pin) : find_public(*token, uri, pin));
    if (found.half.numbers.is_rsa()) {
        return TokenKey::settle(std::move(found));
    }
    return TokenCurveKey::settle(std::move(found));
}

}  // namespace ecryptfs::pkcs11_module
