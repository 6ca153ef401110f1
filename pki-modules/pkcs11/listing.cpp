// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/pkcs11/listing.h"

#include <fmt/format.h>
#include <p11-kit/pkcs11.h>

#include <algorithm>
#include <bit>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/try.h"
#include "pki-modules/common/listed_item.h"
#include "pki-modules/pkcs11/key_uri.h"
#include "pki-modules/pkcs11/objects.h"
#include "pki-modules/pkcs11/token.h"

namespace ecryptfs::pkcs11_module {

using base::Result;

namespace {

using Properties = decltype(module::ListedItem::properties);

// A label comes from the token and goes to a terminal.
std::string printable(std::string text) {
    std::ranges::replace_if(
        text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }, '?');
    return text;
}

// Without properties that have no value.
void report(ecryptfs_pki_take_item take, void* context, std::string uri, const std::string& label,
            Properties properties) {
    std::erase_if(properties, [](const auto& property) { return property.second.empty(); });
    module::report_item({std::move(uri), printable(label), std::move(properties)}, take, context);
}

std::string mechanism_names(const std::vector<Mechanism>& mechanisms) {
    std::string names;
    for (const auto mechanism : mechanisms) {
        if (mechanism != Mechanism::kEcdhDer) {  // which the token does not tell apart
            names += fmt::format("{}{}", names.empty() ? "" : " ", mechanism_name(mechanism));
        }
    }
    return names;
}

Properties token_properties(Token& token, const TokenInfo& info) {
    const auto yes_or_no = [&](unsigned long flag) {
        return std::string(info.has(flag) ? "yes" : "no");
    };
    const auto generation = token.presence().library().mechanism_info(token.presence().slot(),
                                                                      CKM_RSA_PKCS_KEY_PAIR_GEN);
    return {{"manufacturer", printable(info.name.manufacturer)},
            {"model", printable(info.name.model)},
            {"serial", printable(info.name.serial)},
            {"module", token.presence().library().name()},
            {"mechanisms", mechanism_names(token.mechanisms())},
            {"generates-keys", generation ? "yes" : "no"},
            {"login-required", yes_or_no(CKF_LOGIN_REQUIRED)},
            {"pin-pad", yes_or_no(CKF_PROTECTED_AUTHENTICATION_PATH)},
            {"pin-locked", yes_or_no(CKF_USER_PIN_LOCKED)},
            {"pin-last-try", yes_or_no(CKF_USER_PIN_FINAL_TRY)}};
}

// A key, put together from all of its objects.
struct VisibleKey {
    ObjectName name;
    std::size_t bits = 0;  // of an RSA key; 0: unknown
    ecryptfs_pki_curve curve = ECRYPTFS_PKI_NO_CURVE;
};

void add_key(std::vector<VisibleKey>& keys, ObjectName name, std::size_t bits,
             ecryptfs_pki_curve curve) {
    const auto same = [&](const VisibleKey& key) {
        return key.curve == curve &&
               (name.id ? key.name.id == name.id : !key.name.id && key.name.label == name.label);
    };
    if (const auto known = std::ranges::find_if(keys, same); known != keys.end()) {
        known->bits = std::max(known->bits, bits);
    } else {
        keys.push_back({std::move(name), bits, curve});
    }
}

// 0 for a key of a curve.
std::size_t modulus_bits(const KeyNumbers& key) {
    if (!key.is_rsa()) {
        return 0;
    }
    const auto& numbers = key.rsa;
    return 8 * (numbers.modulus.size() - 1) +
           static_cast<std::size_t>(std::bit_width(numbers.modulus.front()));
}

// Public halves first, so that a key has the name that it is opened by. Without the PIN most tokens
// hide the private key and show only its certificate. A certificate of an authority has no private
// key here.
Result<std::vector<VisibleKey>> visible_keys(Token& token) {
    const auto session = TRY(token.sessions().take_live());
    const auto turn = token.sessions().turns().take_shared();
    std::vector<VisibleKey> keys;
    for (const auto type : {ObjectClass::kPublicKey, ObjectClass::kCertificate}) {
        const auto halves = TRY(read_public_halves(session, type, {}));
        for (const auto& half : halves) {
            if (!half.is_authority) {
                add_key(keys, half.name, modulus_bits(half.numbers), half.numbers.point.curve);
            }
        }
    }
    const auto objects = TRY(find_objects(session, ObjectClass::kPrivateKey, {}));
    for (const auto object : objects) {
        const auto kind = read_kind(session, object);
        if (kind != KeyKind::kOther) {
            const auto numbers = read_numbers(session, object);
            add_key(keys, read_name(session, object), numbers ? modulus_bits(*numbers) : 0,
                    kind_curve(kind));
        }
    }
    return keys;
}

// Calls `work` for each token that can decrypt. Leaves out a token that fails, unless all fail.
template <typename Work>
Result<void> for_each_token(const Work& work) {
    const auto tokens = TRY(Token::find_all({}));
    Result<void> last;
    bool any = false;
    for (auto* token : tokens) {
        if (token->mechanisms().empty()) {
            continue;
        }
        if (auto done = work(*token); done) {
            any = true;
        } else {
            last = std::move(done);
        }
    }
    return any ? Result<void>{} : last;
}

}  // namespace

Result<void> list_tokens(ecryptfs_pki_take_item take, void* context) {
    return for_each_token([=](Token& token) -> Result<void> {
        const auto turn = token.sessions().turns().take_shared();
        const auto info = TRY(token.presence().info());
        report(take, context, token_uri(token.name()), token.name().label,
               token_properties(token, info));
        return {};
    });
}

Result<void> list_keys(ecryptfs_pki_take_item take, void* context) {
    return for_each_token([=](Token& token) -> Result<void> {
        const auto keys = TRY(visible_keys(token));
        for (const auto& key : keys) {
            KeyUri uri = precise_uri(token.name());
            uri.id = key.name.id;
            uri.object = key.name.label;
            report(take, context, uri.text(), key.name.label.value_or(""),
                   {{"token", printable(token.name().label)},
                    {"bits", key.bits == 0 ? "" : std::to_string(key.bits)},
                    {"curve", key.curve == ECRYPTFS_PKI_NO_CURVE
                                  ? ""
                                  : std::string(module::curve_name(key.curve))}});
        }
        return {};
    });
}

}  // namespace ecryptfs::pkcs11_module
