// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/pkcs11/token_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "lib/base/try.h"
#include "pki-modules/common/key_proof.h"
#include "pki-modules/common/module_edge.h"
#include "pki-modules/pkcs11/pin_source.h"

namespace ecryptfs::pkcs11_module {

using base::ByteView;
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
        return half.numbers.modulus == halves.front().numbers.modulus;
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

}  // namespace

Result<std::unique_ptr<TokenKey>> TokenKey::open(std::string_view text,
                                                 const base::SecretEntry& pin,
                                                 bool with_private_half) {
    const auto uri = TRY(KeyUri::parse(text));
    const auto token = TRY(find_key_token(uri));
    std::unique_ptr<TokenKey> key(new TokenKey(*token));
    TRY(with_private_half ? key->open_private(uri, pin) : key->open_public(uri, pin));
    return key;
}

Result<void> TokenKey::open_public(const KeyUri& uri, const base::SecretEntry& pin) {
    auto halves = TRY(find_token_public_halves(token_, public_name(uri)));
    if (halves.empty()) {
        // The private key may show its numbers to whoever has the PIN.
        auto opened = open_private(uri, pin);
        private_key_.reset();
        return opened;
    }
    const auto half = TRY(require_one_key(std::move(halves), token_));
    use(uri.mechanism.value_or(token_.mechanisms().front()), half.numbers);
    return set_locator(uri, half.name);
}

Result<void> TokenKey::open_private(const KeyUri& uri, const base::SecretEntry& pin) {
    const auto chosen = TRY(ChosenPin::choose(pin, uri.pin_source));
    warning_ = chosen.exposure();
    auto key = TRY(TokenPrivateKey::open(token_, uri, chosen.entry()));
    private_key_ = std::move(key);
    KeyUri own = uri;
    if (const auto& name = private_key_->name(); !name.id && name.label) {
        own.object = name.label;  // the URI may have named the certificate
        own.type.reset();
    }
    auto public_half = TRY(find_public_half(*private_key_, own));
    TRY(settle(own, public_half));
    return set_locator(own, public_half.name);
}

// The key's numbers, and the name by which open_public() finds it.
Result<PublicHalf> TokenKey::find_public_half(const TokenPrivateKey& key, const KeyUri& uri) {
    const auto& id = key.name().id;
    auto halves = TRY(find_token_public_halves(
        token_, id ? KeyName{{id, std::nullopt}, std::nullopt} : public_name(uri)));
    if (halves.empty()) {
        if (!key.numbers()) {
            return std::unexpected(
                Error{ErrorCode::kInvalidKey, fmt::format("{} has no public half there", text()),
                      "put its public key or certificate on the token, with the same id"});
        }
        return PublicHalf{*key.numbers(), key.name()};
    }
    // A renewed certificate may have kept its id though its key is new.
    const auto is_others = [&](const PublicHalf& one) {
        return key.numbers() && one.numbers.modulus != key.numbers()->modulus;
    };
    if (id && !std::ranges::all_of(halves, is_others)) {
        std::erase_if(halves, is_others);
    }
    auto found = require_one_key(std::move(halves), token_);
    if (found && key.numbers() && key.numbers()->modulus != found->numbers.modulus) {
        return std::unexpected(
            Error{ErrorCode::kInvalidKey,
                  fmt::format("{}: the public key of the same {} is another key's", text(),
                              id ? "id" : "label"),
                  "give the key's own public key or certificate its id"});
    }
    return found;
}

Result<void> TokenKey::settle(const KeyUri& uri, const PublicHalf& half) {
    const auto offered = token_.mechanisms();
    if (uri.mechanism) {
        if (!offers(offered, *uri.mechanism)) {
            return std::unexpected(
                Error{ErrorCode::kNotSupported,
                      fmt::format("{} cannot do {}", token_.text(), mechanism_name(*uri.mechanism)),
                      "leave out x-mechanism: the module then finds out what the token can do"});
        }
        use(*uri.mechanism, half.numbers);
        return {};
    }
    const auto trial = [&](Mechanism mechanism) {
        use(mechanism, half.numbers);
        return prove();
    };
    TRY(choose_mechanism(offered, half.numbers.modulus.size(), trial,
                         {ErrorCode::kInvalidKey,
                          fmt::format("{} does not unwrap what its public half wraps", text()),
                          "check that the two belong together, and that the key may decrypt"}));
    return {};
}

Result<void> TokenKey::prove() {
    return module::prove_halves_match(
        *public_half_,
        [this](ByteView wrapped, base::ByteSpan room) { return unwrap_file_key(wrapped, room); },
        module::decrypt_failed());
}

void TokenKey::use(Mechanism mechanism, const module::RsaNumbers& numbers) {
    mechanism_ = mechanism;
    public_half_.emplace(numbers, mechanism_padding(mechanism), text());
}

Result<void> TokenKey::set_locator(KeyUri uri, const ObjectName& name) {
    const KeyUri precise = precise_uri(token_.name());
    uri.label = precise.label;
    uri.serial = precise.serial;
    uri.manufacturer = precise.manufacturer;
    uri.model = precise.model;
    if (name.id) {
        uri.id = name.id;
    }
    if (!uri.object) {
        uri.object = name.label;
    }
    uri.mechanism = mechanism_;
    locator_ = uri.text();
    if (locator_.size() >= ECRYPTFS_PKI_MAX_LOCATOR) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     fmt::format("{} has too long a name for a URI", text()),
                                     "shorten its label or the module's path"});
    }
    return {};
}

std::string TokenKey::text() const {
    return fmt::format("the key on {}", token_.text());
}

void TokenKey::describe(ecryptfs_pki_description& to) const {
    public_half_->describe(to, warning_);
    module::put_text(to.locator, locator_);
}

}  // namespace ecryptfs::pkcs11_module
