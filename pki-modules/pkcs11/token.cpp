// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/pkcs11/token.h"

#include <p11-kit/pkcs11.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>

namespace ecryptfs::pkcs11_module {

using base::Error;
using base::ErrorCode;
using base::Result;

namespace {

Token* remembered(Library& library, const TokenName& name, SlotId slot) {
    static std::mutex mutex;
    static auto* tokens = new std::vector<std::unique_ptr<Token>>;  // never destroyed
    const std::scoped_lock lock(mutex);
    const auto found = std::ranges::find_if(*tokens, [&](const auto& token) {
        return &token->sessions().library() == &library && token->name() == name;
    });
    if (found != tokens->end()) {
        return found->get();
    }
    return tokens->emplace_back(std::make_unique<Token>(library, name, slot)).get();
}

void add_tokens(Library& library, const std::vector<SlotId>& slots, const KeyUri& uri,
                std::vector<Token*>& to) {
    for (const auto slot : slots) {
        TokenInfo info;
        // The same token is often to be had by two libraries: the first one will do.
        if (library.token_info(slot, info) == CKR_OK && info.has(CKF_TOKEN_INITIALIZED) &&
            uri.matches(info.name) &&
            std::ranges::none_of(to, [&](Token* other) { return other->name() == info.name; })) {
            to.push_back(remembered(library, info.name, slot));
        }
    }
}

}  // namespace

std::vector<Mechanism> Token::mechanisms() const {
    std::vector<Mechanism> found;
    for (const auto mechanism : kMechanisms) {
        const auto info =
            sessions_.library().mechanism_info(sessions_.slot(), cryptoki_type_of(mechanism));
        if (info && (info->flags & CKF_DECRYPT) != 0) {
            found.push_back(mechanism);
        }
    }
    return found;
}

Result<std::vector<Token*>> Token::all_of(const KeyUri& uri) {
    const auto libraries = Library::for_uri(uri);
    if (!libraries) {
        return std::unexpected(libraries.error());
    }
    std::vector<Token*> tokens;
    std::optional<Error> failure;
    for (auto* library : *libraries) {
        const auto slots = library->slots();
        if (!slots) {
            failure = slots.error();
            continue;
        }
        add_tokens(*library, *slots, uri, tokens);
    }
    if (tokens.empty() && failure && libraries->size() == 1) {
        return std::unexpected(*failure);
    }
    return tokens;
}

}  // namespace ecryptfs::pkcs11_module
