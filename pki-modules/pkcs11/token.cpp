// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/pkcs11/token.h"

#include <fmt/format.h>
#include <p11-kit/pkcs11.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "lib/base/try.h"

namespace ecryptfs::pkcs11_module {

using base::Error;
using base::ErrorCode;
using base::Result;

// All tokens that this process has seen.
class Tokens {
  public:
    static Tokens& instance() {
        static auto* tokens = new Tokens;  // never destroyed
        return *tokens;
    }

    // Looks into the library's slots. Gives the tokens that are in them now.
    std::vector<Token*> update(Library& library, const std::vector<SlotId>& slots) {
        const std::scoped_lock lock(mutex_);
        std::vector<Token*> present;
        std::map<Token*, std::vector<SlotId>> places;
        for (const auto slot : slots) {
            const auto turn = take_turn(library, slot);
            TokenInfo info;
            if (library.token_info(slot, info) == CKR_OK && info.has(CKF_TOKEN_INITIALIZED)) {
                auto* token = find_or_add(library, info.name, slot);
                auto& its_slots = places[token];
                if (its_slots.empty()) {
                    present.push_back(token);
                }
                its_slots.push_back(slot);
            }
        }
        std::ranges::for_each(places,
                              [](const auto& place) { set_slots(*place.first, place.second); });
        for (const auto& token : all_) {
            if (&token->presence().library() == &library &&
                std::ranges::find(present, token.get()) == present.end()) {
                token->presence().note_absence();
            }
        }
        return present;
    }

  private:
    // At the token that was last seen in this slot.
    Turns::Turn take_turn(const Library& library, SlotId slot) const {
        const auto found = std::ranges::find_if(all_, [&](const auto& token) {
            return &token->presence().library() == &library && token->presence().slot() == slot;
        });
        return found == all_.end() ? Turns::Turn{} : (*found)->sessions().turns().take_shared();
    }

    // Of two tokens with the same names, the one in use keeps its slot.
    static void set_slots(Token& token, const std::vector<SlotId>& slots) {
        token.has_twin_ = slots.size() > 1;
        if (!token.has_twin_) {
            token.presence().set_slot(slots.front());
        }
    }

    Token* find_or_add(Library& library, const TokenName& name, SlotId slot) {
        const auto found = std::ranges::find_if(all_, [&](const auto& token) {
            return &token->presence().library() == &library && token->name() == name;
        });
        if (found != all_.end()) {
            return found->get();
        }
        return all_.emplace_back(std::make_unique<Token>(library, name, slot)).get();
    }

    std::mutex mutex_;
    std::vector<std::unique_ptr<Token>> all_;
};

namespace {

// Often two libraries reach the same token: take it from the first.
void add_new(std::vector<Token*>& to, const std::vector<Token*>& tokens, const KeyUri& uri) {
    for (auto* token : tokens) {
        const auto same = [&](Token* other) { return other->name() == token->name(); };
        if (uri.matches(token->name()) && std::ranges::none_of(to, same)) {
            to.push_back(token);
        }
    }
}

// "token=a;serial=1 or token=b;serial=2": as many tokens as an advice has room for.
std::string token_choices(const std::vector<Token*>& tokens) {
    constexpr std::size_t kRoom = 180;
    constexpr std::size_t kScheme = 7;  // "pkcs11:"
    std::string text;
    for (const auto* token : tokens) {
        const auto next = token_uri(token->name()).substr(kScheme);
        if (text.size() + next.size() > kRoom) {
            break;
        }
        text += (text.empty() ? "" : " or ") + next;
    }
    return text;
}

}  // namespace

std::vector<Mechanism> Token::rsa_mechanisms() const {
    return select(kRsaMechanisms, CKF_DECRYPT);
}

std::vector<Mechanism> Token::ecdh_mechanisms() const {
    return select(kEcdhMechanisms, CKF_DERIVE);
}

std::vector<Mechanism> Token::mechanisms() const {
    auto found = rsa_mechanisms();
    std::ranges::move(ecdh_mechanisms(), std::back_inserter(found));
    return found;
}

// `flag`: what it must say that the mechanism is for.
std::vector<Mechanism> Token::select(std::span<const Mechanism> wanted, unsigned long flag) const {
    std::vector<Mechanism> found;
    for (const auto mechanism : wanted) {
        const auto info =
            presence_.library().mechanism_info(presence_.slot(), cryptoki_type(mechanism));
        if (info && (info->flags & flag) != 0) {
            found.push_back(mechanism);
        }
    }
    return found;
}

Result<std::vector<Token*>> Token::find_all(const KeyUri& uri) {
    const auto libraries = TRY(Library::find_all(uri));
    std::vector<Token*> tokens;
    std::optional<Error> failure;
    for (auto* library : libraries) {
        const auto slots = library->slots();
        if (!slots) {
            failure = slots.error();
            continue;
        }
        add_new(tokens, Tokens::instance().update(*library, *slots), uri);
    }
    if (tokens.empty() && failure && libraries.size() == 1) {
        return std::unexpected(*failure);
    }
    return tokens;
}

Result<Token*> Token::require_one(const std::vector<Token*>& tokens, const KeyUri& uri) {
    if (tokens.empty()) {
        KeyUri any;
        any.module_path = uri.module_path;
        any.module_name = uri.module_name;
        auto others = find_all(any).value_or(std::vector<Token*>{});
        std::erase_if(others, [](Token* token) { return token->mechanisms().empty(); });
        return std::unexpected(Error{
            ErrorCode::kNotFound, "no token in reach matches the URI and can decrypt",
            others.empty()
                ? fmt::format("insert the token; see which are in reach: {}", listing_command(uri))
                : fmt::format("insert the token; in reach: {}", token_choices(others))});
    }
    if (tokens.size() > 1) {
        return std::unexpected(Error{ErrorCode::kInvalidArgument,
                                     fmt::format("the URI matches {} tokens", tokens.size()),
                                     fmt::format("name one of them in the URI, by token= and "
                                                 "serial=: {}",
                                                 token_choices(tokens))});
    }
    if (tokens.front()->has_twin_) {
        return std::unexpected(Error{
            ErrorCode::kInvalidArgument,
            fmt::format("there are two of {}, with the same label, serial number, manufacturer and "
                        "model: nothing tells them apart",
                        tokens.front()->text()),
            "take one out, or give one another label with its own tool"});
    }
    return tokens.front();
}

}  // namespace ecryptfs::pkcs11_module
