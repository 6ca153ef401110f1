// SPDX-License-Identifier: Apache-2.0

#include "agent/keys/token_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "agent/runtime/log.h"
#include "lib/base/try.h"
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
                    "add it: ecryptfsctl add-key FILE-OR-URI"};
        case ErrorCode::kKeyExpired:
            return {error.code, fmt::format("key {} has expired", name),
                    "add it again: ecryptfsctl add-key FILE-OR-URI"};
        case ErrorCode::kKeyRevoked:
            return {error.code, fmt::format("key {} was revoked", name),
                    "add it again: ecryptfsctl add-key FILE-OR-URI"};
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

TokenStore::TokenStore()
    : payload_(base::value_or_throw(base::SecretBytes::create(keyring::kMaxPayloadSize))) {
    if (const auto possessed = keyring::possess_user_keyring(); !possessed) {
        log_line(Priority::kWarning,
                 fmt::format("{}; keys in it may not be readable", possessed.error().message));
    }
}

Result<StoredToken> TokenStore::find(const KeySignature& signature) {
    const auto found = keyring::find_token(keyring::user_keyring(), signature);
    StoredToken token;
    if (found) {
        token.serial = *found;
    } else if (const auto told = remembered_.find(signature); told != remembered_.end()) {
        token.serial = told->second;
        token.in_user_keyring = false;
    } else {
        return std::unexpected(key_error(signature, found.error()));
    }
    const auto payload = read(token.serial);
    if (!payload) {
        return std::unexpected(key_error(signature, payload.error()));
    }
    token.payload = *payload;
    return token;
}

Result<void> TokenStore::remember(const KeySignature& signature, KeySerial serial) {
    if (!keyring::is_token(serial, signature)) {
        return std::unexpected(Error{
            ErrorCode::kInvalidToken,
            fmt::format("key number {} is not the token of {}", serial.value, signature.text())});
    }
    if (const auto payload = read(serial); !payload) {
        return std::unexpected(key_error(signature, payload.error()));
    }
    wipe();
    remembered_.insert_or_assign(signature, serial);
    return {};
}

void TokenStore::forget(const KeySignature& signature) {
    remembered_.erase(signature);
}

std::vector<KeySignature> TokenStore::list() {
    const auto tokens = keyring::private_key_tokens(keyring::user_keyring());
    std::vector<KeySignature> signatures;
    if (tokens) {
        std::ranges::transform(*tokens, std::back_inserter(signatures),
                               &keyring::NamedToken::signature);
    }
    return signatures;
}

void TokenStore::wipe() {
    ::explicit_bzero(payload_.span().data(), std::exchange(used_, 0));
}

Result<base::ByteView> TokenStore::read(KeySerial serial) {
    const auto payload = TRY(keyring::read_token(serial, payload_.span()));
    used_ = std::max(used_, payload.size());
    return payload;
}

}  // namespace ecryptfs::agent
