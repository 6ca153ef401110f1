// SPDX-License-Identifier: Apache-2.0

#include "lib/wire/auth_token.h"

#include <array>

#include "tests/fuzz/check.h"

namespace {

using namespace ecryptfs;

void require_survives(const wire::PrivateKeyToken& token, base::ByteView input) {
    fuzz::require_inside(token.blob, input);
    const auto payload =
        wire::encode_private_key_token(token.signature, token.pki_type, base::as_text(token.blob));
    const auto again = wire::parse_auth_token(payload);
    fuzz::require(again.has_value(), "what was encoded can be parsed");
    const auto* same = std::get_if<wire::PrivateKeyToken>(&*again);
    fuzz::require(
        same != nullptr && same->signature == token.signature && same->pki_type == token.pki_type,
        "signature and PKI type stay the same");
    fuzz::require_same(same->blob, token.blob, "the blob stays the same");
}

void require_survives(const wire::PassphraseToken& token, base::ByteView input) {
    fuzz::require_inside(token.fekek, input);
    fuzz::require_inside(token.salt, input);
    std::array<std::uint8_t, wire::kAuthTokenSize> buffer{};
    const auto payload = wire::encode_passphrase_token(token, buffer);
    fuzz::require(payload.has_value(), "what was parsed can be encoded");
    const auto again = wire::parse_auth_token(*payload);
    fuzz::require(again.has_value(), "what was encoded can be parsed");
    const auto* same = std::get_if<wire::PassphraseToken>(&*again);
    fuzz::require(same != nullptr && same->signature == token.signature,
                  "the signature stays the same");
    fuzz::require_same(same->fekek, token.fekek, "the FEKEK stays the same");
    fuzz::require_same(same->salt, token.salt, "the salt stays the same");
}

}  // namespace

void ecryptfs::fuzz::try_input(base::ByteView input) {
    const auto token = wire::parse_auth_token(input);
    if (!token) {
        require_useful(token.error(), base::ErrorCode::kInvalidToken,
                       "authentication token: ", input.size());
        return;
    }
    std::visit([&](const auto& some) { require_survives(some, input); }, *token);
}
