// SPDX-License-Identifier: Apache-2.0

#include "agent/keys/key_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "agent/keys/key_source.h"
#include "lib/base/try.h"
#include "lib/base/verb_advice.h"

namespace ecryptfs::agent {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::SecretBytes;
using wire::KeySignature;

Error locked_error(const KeySignature& signature) {
    return {ErrorCode::kKeyLocked, fmt::format("key {} is locked", signature.text()),
            base::unlock_key_advice(signature.text())};
}

Error locked_meanwhile() {
    return {ErrorCode::kKeyLocked, "the key was locked while it was being opened", "try again"};
}

Error changed_meanwhile(const KeySignature& signature) {
    return {ErrorCode::kUnknownKey,
            fmt::format("the token of key {} was removed or changed meanwhile", signature.text())};
}

Error no_token(const KeySignature& signature) {
    return {ErrorCode::kUnknownKey, fmt::format("key {} has no token", signature.text())};
}

bool concerns_secret(ErrorCode code) {
    return code == ErrorCode::kSecretRequired || code == ErrorCode::kWrongSecret ||
           code == ErrorCode::kSecretLockedOut || code == ErrorCode::kSecretAtDevice;
}

bool concerns_key(ErrorCode code) {
    return code == ErrorCode::kInvalidKey || code == ErrorCode::kNotFound ||
           code == ErrorCode::kAccessDenied || code == ErrorCode::kUnknownModule ||
           code == ErrorCode::kInvalidArgument;
}

KeyState state_without_token(ErrorCode why) {
    switch (why) {
        case ErrorCode::kKeyExpired:
            return KeyState::kExpired;
        case ErrorCode::kKeyRevoked:
            return KeyState::kRevoked;
        case ErrorCode::kInvalidToken:
            return KeyState::kUnusable;
        default:
            return KeyState::kMissing;
    }
}

}  // namespace

// --- The keyring ---

Outcome<Result<void>> KeyTable::see_token(const KeySignature& signature, const SeenToken& token) {
    KeyEffects effects;
    auto* entry = find_entry(signature);
    if (entry == nullptr || !is_known(*entry, token)) {
        auto made = make_entry(signature, token);
        if (!made) {
            lose(signature, made.error().code, effects);
            return {std::unexpected(std::move(made.error())), std::move(effects)};
        }
        if (entry != nullptr) {
            close(*entry, effects);
            cancel_opens(signature, changed_meanwhile(signature), effects);
            effects.noted.push_back(signature);
        }
        entry = &entries_.insert_or_assign(signature, std::move(*made)).first->second;
        effects.changed.push_back(signature);
    }
    entry->serial = token.serial;
    entry->in_user_keyring = token.in_user_keyring;
    if (entry->wait == Wait::kForNextLook) {
        entry->wait = Wait::kNone;
        effects.noted.push_back(signature);
        effects.changed.push_back(signature);
    }
    return {{}, std::move(effects)};
}

KeyEffects KeyTable::lose_token(const KeySignature& signature, ErrorCode why) {
    KeyEffects effects;
    lose(signature, why, effects);
    return effects;
}

void KeyTable::lose(const KeySignature& signature, ErrorCode why, KeyEffects& effects) {
    auto* entry = find_entry(signature);
    if (entry != nullptr && entry->wait == Wait::kForToken) {
        return;
    }
    if (why == ErrorCode::kUnknownKey) {
        if (entry != nullptr) {
            forget(signature, effects);
        }
        return;
    }
    const auto lost_state = state_without_token(why);
    if (entry == nullptr) {
        entries_.emplace(signature, Entry{.stage = Stage::kLost, .lost_state = lost_state});
        return;
    }
    if (entry->stage == Stage::kLost && entry->lost_state == lost_state) {
        return;
    }
    cancel_opens(signature, changed_meanwhile(signature), effects);
    close(*entry, effects);
    if (entry->contents) {
        entry->contents->blob.clear();
    }
    entry->wait = Wait::kNone;
    entry->stage = Stage::kLost;
    entry->lost_state = lost_state;
    effects.noted.push_back(signature);
    effects.changed.push_back(signature);
}

void KeyTable::trust_next_token(const KeySignature& signature) {
    if (auto* entry = find_entry(signature)) {
        entry->wait = Wait::kForNextLook;
    }
}

bool KeyTable::is_known(const Entry& entry, const SeenToken& token) {
    if (entry.stage == Stage::kLost) {
        return false;
    }
    switch (entry.wait) {
        case Wait::kForToken:
            return true;
        case Wait::kForNextLook:
            return holds(entry, token.pki_type, token.blob);
        case Wait::kNone:
            break;
    }
    return entry.serial == token.serial && holds(entry, token.pki_type, token.blob);
}

bool KeyTable::holds(const Entry& entry, const wire::PkiType& pki_type, base::ByteView blob) {
    return entry.contents && entry.contents->pki_type == pki_type &&
           base::equal_in_constant_time(entry.contents->blob.view(), blob);
}

Result<KeyTable::Entry> KeyTable::make_entry(const KeySignature& signature,
                                             const SeenToken& token) {
    auto source = TRY(key_source({signature, token.pki_type, token.blob}));
    auto blob = TRY(SecretBytes::copy(token.blob));
    auto key = make_key({0, source.module, source.locator, std::move(source.secret),
                         pki::KeyUse::kPrivate, signature});
    return Entry{
        .contents = Contents{source.module, token.pki_type, source.locator, std::move(blob)},
        .stage = Stage::kUnopened,
        .key = std::move(key)};
}

// --- Requests ---

Result<KeyRef> KeyTable::use_key(const KeySignature& signature, base::FileKeyOperation action) {
    auto* entry = find_entry(signature);
    if (entry == nullptr || entry->stage == Stage::kLost) {
        return std::unexpected(no_token(signature));
    }
    if (entry->key) {
        if (entry->stage == Stage::kUnopened) {
            entry->stage = Stage::kTried;
        }
        return entry->key;
    }
    if (pki::least_use(action) == pki::KeyUse::kPrivate) {
        return std::unexpected(locked_error(signature));
    }
    if (!entry->public_key) {
        entry->public_key = make_key({0,
                                      entry->contents->module,
                                      entry->contents->locator,
                                      {},
                                      pki::least_use(action),
                                      signature});
    }
    return entry->public_key;
}

KeyEffects KeyTable::record_success(const Key& key, std::chrono::microseconds latency) {
    KeyEffects effects;
    auto* entry = find_entry(*key.signature);
    if (entry == nullptr) {
        return effects;
    }
    ++entry->counts.answered;
    entry->counts.latency.add(latency);
    if (entry->key && entry->key->id == key.id) {
        enter(*key.signature, *entry, Stage::kUnlocked, effects);
    }
    return effects;
}

Outcome<Error> KeyTable::record_failure(const Key& key, Error why) {
    KeyEffects effects;
    const auto& signature = *key.signature;
    auto* entry = find_entry(signature);
    if (entry == nullptr) {
        return {std::move(why), std::move(effects)};
    }
    ++entry->counts.failed;
    const bool is_current = entry->key && entry->key->id == key.id;
    if (concerns_secret(why.code)) {
        if (is_current) {
            lock(signature, *entry, effects);
        }
        return {locked_error(signature), std::move(effects)};
    }
    if (is_current && concerns_key(why.code)) {
        enter(signature, *entry, Stage::kFailing, effects);
    }
    return {std::move(why), std::move(effects)};
}

// --- People ---

KeyRef KeyTable::begin_add(const wire::PkiType& module, std::string locator,
                           std::optional<SecretBytes> secret) {
    return begin_open(
        {0, module, std::move(locator), std::move(secret), pki::KeyUse::kPrivate, std::nullopt});
}

// Without a secret, that of the token.
Result<KeyRef> KeyTable::begin_unlock(const KeySignature& signature,
                                      std::optional<SecretBytes> secret) {
    const auto* entry = find_entry(signature);
    if (entry == nullptr || entry->stage == Stage::kLost) {
        return std::unexpected(no_token(signature));
    }
    const auto& contents = *entry->contents;
    const bool was_told = secret.has_value();
    if (!secret) {
        if (auto source = key_source({signature, contents.pki_type, contents.blob.view()})) {
            secret = std::move(source->secret);
        }
    }
    auto key = begin_open({0, contents.module, contents.locator, std::move(secret),
                           pki::KeyUse::kPrivate, signature});
    openings_.at(key->id).secret_was_told = was_told;
    return key;
}

KeyRef KeyTable::begin_open(Key key) {
    const bool was_told = key.secret.has_value();
    auto made = make_key(std::move(key));
    openings_.emplace(made->id, Opening{made, was_told});
    return made;
}

Result<KeyTable::Opening> KeyTable::finish_open(const KeyRef& key, const Result<OpenedKey>& opened,
                                                KeyEffects& effects) {
    auto opening = std::move(openings_.extract(key->id).mapped());
    if (opening.cancelled) {
        effects.closed.push_back(key);  // the host may have been too late to hear of it
        return std::unexpected(std::move(*opening.cancelled));
    }
    if (!opened) {
        opening.key->secret.reset();
        return std::unexpected(opened.error());
    }
    return opening;
}

Outcome<Result<void>> KeyTable::finish_add(const KeyRef& key, const Result<OpenedKey>& opened) {
    KeyEffects effects;
    const auto opening = finish_open(key, opened, effects);
    if (!opening) {
        return {std::unexpected(opening.error()), std::move(effects)};
    }
    auto accepted = accept_opened_key(*opening, *opened, effects);
    if (!accepted) {
        close(opening->key, effects);
    }
    return {std::move(accepted), std::move(effects)};
}

// The module may have settled more than the locator said: that goes into the token.
Result<void> KeyTable::accept_opened_key(const Opening& opening, const OpenedKey& opened,
                                         KeyEffects& effects) {
    auto& key = *opening.key;
    const auto& signature = opened.signature;
    if (std::ranges::count(opening.locked_meanwhile, signature) > 0) {
        return std::unexpected(locked_meanwhile());
    }
    if (!opened.locator.empty()) {
        if (!is_usable_locator(opened.locator)) {
            return std::unexpected(
                Error{ErrorCode::kModuleFailed, "the PKI module gave a locator that is not a URI"});
        }
        key.locator = opened.locator;
    }
    key.signature = signature;
    auto blob = TRY(SecretBytes::copy(base::as_bytes(key.locator)));
    auto* entry = find_entry(signature);
    if (entry == nullptr || entry->stage == Stage::kLost ||
        !holds(*entry, key.module, blob.view())) {
        forget(signature, effects);
        Entry added{.contents = Contents{key.module, key.module, key.locator, std::move(blob)}};
        entry = &entries_.emplace(signature, std::move(added)).first->second;
    }
    entry->wait = Wait::kForToken;
    put_unlocked(signature, *entry, opening, effects);
    return {};
}

Outcome<Result<void>> KeyTable::finish_unlock(const KeyRef& key, const Result<OpenedKey>& opened) {
    KeyEffects effects;
    const auto opening = finish_open(key, opened, effects);
    if (!opening) {
        return {std::unexpected(opening.error()), std::move(effects)};
    }
    // The entry is there: otherwise the open was cancelled.
    put_unlocked(*key->signature, entries_.at(*key->signature), *opening, effects);
    return {{}, std::move(effects)};
}

// Makes the key, just opened, the one in use. One that is in use already stays, as requests may be
// under way with it, but the newer secret is the one that opens it from now on.
void KeyTable::put_unlocked(const KeySignature& signature, Entry& entry, const Opening& opening,
                            KeyEffects& effects) {
    if (entry.stage == Stage::kUnlocked) {
        entry.key->secret = std::exchange(opening.key->secret, std::nullopt);
        close(opening.key, effects);
    } else {
        close(entry, effects);
        entry.key = opening.key;
        enter(signature, entry, Stage::kUnlocked, effects);
    }
    entry.secret_was_told = opening.secret_was_told;
    effects.noted.push_back(signature);
}

KeyEffects KeyTable::lock(const KeySignature& signature) {
    KeyEffects effects;
    cancel_opens(signature, locked_meanwhile(), effects);
    for (auto& [id, opening] : openings_) {  // keys that are being added
        opening.locked_meanwhile.push_back(signature);
    }
    auto* entry = find_entry(signature);
    if (entry != nullptr && entry->stage != Stage::kLost) {
        lock(signature, *entry, effects);
    }
    return effects;
}

KeyEffects KeyTable::lock_all() {
    KeyEffects effects;
    for (auto& [id, opening] : openings_) {
        cancel(opening, locked_meanwhile(), effects);
    }
    for (auto& [signature, entry] : entries_) {
        if (entry.stage != Stage::kLost) {
            lock(signature, entry, effects);
        }
    }
    return effects;
}

void KeyTable::lock(const KeySignature& signature, Entry& entry, KeyEffects& effects) {
    close(entry, effects);
    enter(signature, entry, Stage::kLocked, effects);
    effects.noted.push_back(signature);
}

KeyEffects KeyTable::forget(const KeySignature& signature) {
    KeyEffects effects;
    forget(signature, effects);
    return effects;
}

void KeyTable::forget(const KeySignature& signature, KeyEffects& effects) {
    cancel_opens(signature, changed_meanwhile(signature), effects);
    effects.noted.push_back(signature);
    effects.forgotten.push_back(signature);
    if (auto entry = entries_.extract(signature)) {
        close(entry.mapped(), effects);
        effects.changed.push_back(signature);
    }
}

void KeyTable::cancel_opens(const KeySignature& signature, const Error& why, KeyEffects& effects) {
    for (auto& [id, opening] : openings_) {
        if (opening.key->signature == signature) {
            cancel(opening, why, effects);
        }
    }
}

void KeyTable::cancel(Opening& opening, const Error& why, KeyEffects& effects) {
    if (!opening.cancelled) {
        opening.cancelled = why;
        close(opening.key, effects);
    }
}

// --- The process before this one ---

KeyEffects KeyTable::restore(const KeyNoteView& note) {
    KeyEffects effects;
    const auto& signature = note.signature;
    auto* entry = find_entry(signature);
    if (entry == nullptr || entry->stage == Stage::kLost || entry->serial != note.serial) {
        effects.noted.push_back(signature);
        return effects;
    }
    if (note.locked) {
        close(*entry, effects);
        enter(signature, *entry, Stage::kLocked, effects);
        return effects;
    }
    auto secret = note.secret ? SecretBytes::copy(*note.secret) : SecretBytes();
    const auto& contents = *entry->contents;
    if (!secret || !base::equal_in_constant_time(contents.blob.view(), note.blob)) {
        effects.noted.push_back(signature);
    } else if (note.secret) {
        close(*entry, effects);
        entry->key = make_key({0, contents.module, contents.locator, std::move(*secret),
                               pki::KeyUse::kPrivate, signature});
        entry->secret_was_told = true;
        enter(signature, *entry, Stage::kUnopened, effects);
    }
    return effects;
}

// --- What is so now ---

bool KeyTable::has_token(const KeySignature& signature) const {
    const auto* entry = find_entry(signature);
    return entry != nullptr && entry->stage != Stage::kLost;
}

bool KeyTable::awaits_token(const KeySignature& signature) const {
    const auto* entry = find_entry(signature);
    return entry != nullptr && entry->wait == Wait::kForToken;
}

bool KeyTable::is_locked(const KeySignature& signature) const {
    const auto* entry = find_entry(signature);
    return entry != nullptr && entry->stage == Stage::kLocked;
}

std::optional<KeyInfo> KeyTable::find(const KeySignature& signature) const {
    const auto* entry = find_entry(signature);
    if (entry == nullptr) {
        return std::nullopt;
    }
    const auto& contents = entry->contents;
    return KeyInfo{signature,
                   contents ? contents->module.text() : "",
                   contents ? contents->locator : "",
                   state(*entry),
                   entry->serial,
                   entry->in_user_keyring,
                   entry->counts};
}

std::vector<KeySignature> KeyTable::signatures() const {
    std::vector<KeySignature> known;
    for (const auto& [signature, entry] : entries_) {
        if (entry.contents) {
            known.push_back(signature);
        }
    }
    return known;
}

std::vector<KeySignature> KeyTable::keys_in_memory() const {
    std::vector<KeySignature> in_memory;
    for (const auto& [signature, entry] : entries_) {
        const bool is_open = entry.key && entry.stage != Stage::kUnopened;
        if (is_open || entry.public_key || (entry.key && entry.key->secret)) {
            in_memory.push_back(signature);
        }
    }
    return in_memory;
}

// A key fully described by its token needs no note.
std::optional<KeyNoteView> KeyTable::note(const KeySignature& signature) const {
    const auto* entry = find_entry(signature);
    if (entry == nullptr || entry->stage == Stage::kLost || entry->wait != Wait::kNone) {
        return std::nullopt;
    }
    const bool locked = entry->stage == Stage::kLocked;
    const bool has_secret = entry->key && entry->key->secret && entry->secret_was_told;
    if (entry->in_user_keyring && !locked && !has_secret) {
        return std::nullopt;
    }
    KeyNoteView view{signature, entry->serial, entry->in_user_keyring, locked, {}, std::nullopt};
    if (!locked) {
        view.blob = entry->contents->blob.view();
    }
    if (has_secret) {
        view.secret = entry->key->secret->view();
    }
    return view;
}

// --- Entries ---

KeyState KeyTable::state(const Entry& entry) {
    switch (entry.stage) {
        case Stage::kUnopened:
        case Stage::kTried:
            return KeyState::kUnopened;
        case Stage::kUnlocked:
            return KeyState::kUnlocked;
        case Stage::kFailing:
            return KeyState::kUnusable;
        case Stage::kLocked:
            return KeyState::kLocked;
        case Stage::kLost:
            break;
    }
    return entry.lost_state;
}

KeyTable::Entry* KeyTable::find_entry(const KeySignature& signature) {
    const auto found = entries_.find(signature);
    return found == entries_.end() ? nullptr : &found->second;
}

const KeyTable::Entry* KeyTable::find_entry(const KeySignature& signature) const {
    const auto found = entries_.find(signature);
    return found == entries_.end() ? nullptr : &found->second;
}

void KeyTable::enter(const KeySignature& signature, Entry& entry, Stage stage,
                     KeyEffects& effects) {
    const auto before = state(entry);
    entry.stage = stage;
    if (state(entry) != before) {
        effects.changed.push_back(signature);
    }
}

// Jobs may have the key a little longer, the secret not.
void KeyTable::close(Entry& entry, KeyEffects& effects) {
    if (const auto key = std::exchange(entry.key, nullptr)) {
        close(key, effects);
    }
    if (auto key = std::exchange(entry.public_key, nullptr)) {
        effects.closed.push_back(std::move(key));
    }
}

void KeyTable::close(const std::shared_ptr<Key>& key, KeyEffects& effects) {
    key->secret.reset();
    effects.closed.push_back(key);
}

std::shared_ptr<Key> KeyTable::make_key(Key key) {
    key.id = ++last_key_id_;
    return std::make_shared<Key>(std::move(key));
}

}  // namespace ecryptfs::agent
