// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/pkcs11/token.h"

#include <p11-kit/pkcs11.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>

namespace ecryptfs::pkcs11_module {

using base::Error;
using base::Result;

namespace {

// All that were ever seen.
class Tokens {
  public:
    static Tokens& instance() {
        static auto* tokens = new Tokens;  // never destroyed
        return *tokens;
    }

    // Those that are in the library's slots now.
    std::vector<Token*> update(Library& library, const std::vector<SlotId>& slots) {
        const std::scoped_lock lock(mutex_);
        std::vector<Token*> present;
        for (const auto slot : slots) {
            const auto turn = turn_at(library, slot);
            TokenInfo info;
            if (library.token_info(slot, info) == CKR_OK && info.has(CKF_TOKEN_INITIALIZED)) {
                present.push_back(find_or_add(library, info.name, slot));
            }
        }
        for (const auto& token : all_) {
            if (&token->sessions().library() == &library &&
                std::ranges::find(present, token.get()) == present.end()) {
                token->sessions().note_absence();
            }
        }
        return present;
    }

  private:
    // At the token that was last seen there.
    Turns::Turn turn_at(const Library& library, SlotId slot) const {
        const auto found = std::ranges::find_if(all_, [&](const auto& token) {
            return &token->sessions().library() == &library && token->sessions().slot() == slot;
        });
        return found == all_.end() ? Turns::Turn{} : (*found)->sessions().turns().beside_others();
    }

    Token* find_or_add(Library& library, const TokenName& name, SlotId slot) {
        const auto found = std::ranges::find_if(all_, [&](const auto& token) {
            return &token->sessions().library() == &library && token->name() == name;
        });
        if (found != all_.end()) {
            (*found)->sessions().move_to(slot);
            return found->get();
        }
        return all_.emplace_back(std::make_unique<Token>(library, name, slot)).get();
    }

    std::mutex mutex_;
    std::vector<std::unique_ptr<Token>> all_;
};

// The same token is often to be had by two libraries: the first one will do.
void add_new(std::vector<Token*>& to, const std::vector<Token*>& tokens, const KeyUri& uri) {
    for (auto* token : tokens) {
        const auto same = [&](Token* other) { return other->name() == token->name(); };
        if (uri.matches(token->name()) && std::ranges::none_of(to, same)) {
            to.push_back(token);
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
        add_new(tokens, Tokens::instance().update(*library, *slots), uri);
    }
    if (tokens.empty() && failure && libraries->size() == 1) {
        return std::unexpected(*failure);
    }
    return tokens;
}

}  // namespace ecryptfs::pkcs11_module
