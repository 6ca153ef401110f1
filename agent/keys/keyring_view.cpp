// SPDX-License-Identifier: Apache-2.0

#include "agent/keys/keyring_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "agent/keys/key_source.h"
#include "agent/runtime/log.h"
#include "lib/base/try.h"
#include "lib/base/verb_advice.h"
#include "lib/keyring/keyrings.h"

namespace ecryptfs::agent {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using keyring::KeySerial;
using wire::KeySignature;

// The error of a system call, in words for the user who has the key.
Error key_error(const KeySignature& signature, const Error& error) {
    const auto name = signature.text();
    switch (error.code) {
        case ErrorCode::kUnknownKey:
            return {error.code, fmt::format("no key {} in the user keyring", name),
                    base::add_key_advice()};
        case ErrorCode::kKeyExpired:
            return {error.code, fmt::format("key {} has expired", name),
                    base::add_key_again_advice()};
        case ErrorCode::kKeyRevoked:
            return {error.code, fmt::format("key {} was revoked", name),
                    base::add_key_again_advice()};
        case ErrorCode::kAccessDenied:
            return {error.code, fmt::format("key {} may not be read", name),
                    fmt::format("let its user view, read and search it: keyctl setperm %user:{} "
                                "0x3f0b0000",
                                name)};
        default:
            return {ErrorCode::kInternal, fmt::format("key {}: {}", name, error.message),
                    error.advice};
    }
}

}  // namespace

KeyringView::KeyringView()
    : payload_(base::value_or_throw(base::SecretBytes::create(keyring::kMaxPayloadSize))) {
    if (const auto possessed = keyring::link_user_keyring_to_process(); !possessed) {
        log_line(Priority::kWarning,
                 fmt::format("{}; keys in it may not be readable", possessed.error().message));
    }
}

Result<SeenToken> KeyringView::refresh(const KeySignature& signature, std::uint64_t turn) {
    auto token = read(signature);
    if (token) {
        last_turns_.insert_or_assign(signature, turn);
    } else {
        last_turns_.erase(signature);
    }
    return token;
}

Result<SeenToken> KeyringView::read(const KeySignature& signature) {
    const auto found = keyring::find_token(keyring::user_keyring(), signature);
    const auto announced = announced_.find(signature);
    if (!found && announced == announced_.end()) {
        return std::unexpected(key_error(signature, found.error()));
    }
    const auto serial = found ? *found : announced->second;
    const auto payload = TRY(read_payload(signature, serial));
    const auto token = TRY(private_key_token(payload, signature));
    return SeenToken{serial, found.has_value(), token.pki_type, token.blob};
}

Result<base::ByteView> KeyringView::read_payload(const KeySignature& signature, KeySerial serial) {
    const auto payload = keyring::read_token(serial, payload_.span());
    if (!payload) {
        return std::unexpected(key_error(signature, payload.error()));
    }
    used_ = std::max(used_, payload->size());
    return *payload;
}

void KeyringView::wipe() {
    ::explicit_bzero(payload_.span().data(), std::exchange(used_, 0));
}

void KeyringView::refresh_list() {
    signatures_.clear();
    if (const auto tokens = keyring::private_key_tokens(keyring::user_keyring())) {
        for (const auto& token : *tokens) {
            signatures_.push_back(token.signature);
        }
    }
}

// A token in the user keyring is not kept in mind: it counts only as long as it is there.
Result<void> KeyringView::announce(const KeySignature& signature, KeySerial serial) {
    if (keyring::find_token(keyring::user_keyring(), signature) == serial) {
        return {};
    }
    if (!keyring::is_token(serial, signature)) {
        return std::unexpected(Error{
            ErrorCode::kInvalidToken,
            fmt::format("key number {} is not the token of {}", serial.value, signature.text())});
    }
    TRY(read_payload(signature, serial));
    wipe();
    announced_.insert_or_assign(signature, serial);
    return {};
}

void KeyringView::forget(const KeySignature& signature) {
    announced_.erase(signature);
    last_turns_.erase(signature);
}

bool KeyringView::is_current(const KeySignature& signature, std::uint64_t turn) const {
    const auto found = last_turns_.find(signature);
    return found != last_turns_.end() && found->second == turn;
}

}  // namespace ecryptfs::agent
