// SPDX-License-Identifier: Apache-2.0

#include "agent/keys/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "agent/keys/key_source.h"
#include "agent/runtime/log.h"
#include "lib/base/try.h"
#include "lib/wire/legacy_blob.h"

namespace ecryptfs::agent {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::SecretBytes;
using wire::KeySignature;
using namespace std::chrono_literals;

// A person waits for these, and some tokens are slow.
constexpr auto kOpenDeadline = 110s;
// The kernel tells nobody that a key has gone (CONFIG_WATCH_QUEUE is off in Debian's kernels, and
// would not tell that one has expired). So it is asked, about keys that are in some memory, often
// enough to notice within a second. The accuracy lets agents wake up together.
constexpr auto kSweepEvery = 750ms;
constexpr auto kSweepAccuracy = 250ms;

Error locked_error(const KeySignature& signature) {
    return {ErrorCode::kKeyLocked, fmt::format("key {} is locked", signature.text()),
            fmt::format("unlock it: ecryptfsctl unlock {}", signature.text())};
}

Error locked_meanwhile() {
    return {ErrorCode::kKeyLocked, "the key was locked while it was being opened", "try again"};
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

bool is_usable_locator(std::string_view locator) {
    return wire::is_locator(base::as_bytes(locator)) && locator.size() <= pki::kMaxLocator;
}

bool has_token(KeyState state) {
    return state == KeyState::kUnopened || state == KeyState::kUnlocked ||
           state == KeyState::kLocked || state == KeyState::kUnusable;
}

}  // namespace

std::string_view name_of(KeyState state) {
    switch (state) {
        case KeyState::kUnopened:
            return "unopened";
        case KeyState::kUnlocked:
            return "unlocked";
        case KeyState::kLocked:
            return "locked";
        case KeyState::kExpired:
            return "expired";
        case KeyState::kRevoked:
            return "revoked";
        case KeyState::kMissing:
            return "missing";
        case KeyState::kUnusable:
            break;
    }
    return "unusable";
}

Keys::Keys(EventLoop& loop, HostPool& hosts, KeyNotePlaces notes)
    : loop_(loop),
      hosts_(hosts),
      notes_(notes),
      sweep_(loop.timer(kSweepAccuracy, [this] { sweep(); })) {}

void Keys::on_change(std::function<void(const KeySignature&)> changed) {
    changed_ = std::move(changed);
}

void Keys::restore() {
    for (const auto& note : notes_.all()) {
        restore(note);
    }
    if (notes_.lock_all_others()) {
        lock_all_without_a_note();
    }
}

void Keys::restore(const KeyNoteView& note) {
    if (!note.in_user_keyring) {
        static_cast<void>(tokens_.remember(note.signature, note.serial));  // or it is not found
    }
    const auto found = look_up(note.signature);
    if (!found || (*found)->serial != note.serial) {
        notes_.erase(note.signature);
        return;
    }
    auto& entry = **found;
    if (note.locked) {
        close(entry);
        set_state(note.signature, entry, KeyState::kLocked);
        return;
    }
    auto secret = note.secret ? SecretBytes::copy_of(*note.secret) : SecretBytes();
    if (!secret || !base::equal_in_constant_time(entry.blob.view(), note.blob)) {
        notes_.erase(note.signature);
    } else if (note.secret) {
        close(entry);
        entry.key = make_key({0, entry.module, entry.locator, std::move(*secret),
                              pki::KeyUse::kPrivate, note.signature});
        watch_tokens();
    }
}

void Keys::lock_all_without_a_note() {
    bool all_have_notes = true;
    for (const auto& signature : list()) {
        if (!notes_.has(signature) && lock(signature)) {
            all_have_notes = all_have_notes && notes_.has(signature);
        }
    }
    if (all_have_notes) {
        notes_.all_others_have_notes();
    }
}

// Nothing is to be said of a key whose token tells all.
void Keys::note(const KeySignature& signature, const Entry& entry) {
    const bool locked = entry.state == KeyState::kLocked;
    const bool has_secret = entry.key && entry.key->secret;
    if (!has_token(entry.state) || !entry.registered ||
        (entry.in_user_keyring && !locked && !has_secret)) {
        notes_.erase(signature);
        return;
    }
    KeyNoteView view{signature, entry.serial, entry.in_user_keyring, locked, {}, std::nullopt};
    if (!locked) {
        view.blob = entry.blob.view();
    }
    if (has_secret) {
        view.secret = entry.key->secret->view();
    }
    if (notes_.write(view)) {
        return;
    }
    log_line(Priority::kNotice,
             locked ? fmt::format("all keys will be locked when the agent is restarted: there is "
                                  "no room to note that key {} is locked",
                                  signature.text())
                    : fmt::format("key {} will be locked when the agent is restarted: there is no "
                                  "room to keep its secret",
                                  signature.text()),
             {{"ECRYPTFS_SIGNATURE", signature.text()}});
}

Result<KeyRef> Keys::key_for(const KeySignature& signature, pki::KeyAction action) {
    const auto found = TRY(look_up_once_a_turn(signature));
    auto& entry = *found;
    watch_tokens();
    if (entry.key) {
        entry.used = true;
        return entry.key;
    }
    if (action == pki::KeyAction::kDecrypt) {
        return std::unexpected(locked_error(signature));
    }
    if (!entry.public_key) {
        entry.public_key =
            make_key({0, entry.module, entry.locator, {}, pki::KeyUse::kPublic, signature});
    }
    return entry.public_key;
}

Error Keys::note_failure(const KeySignature& signature, const Key& key, Error why) {
    const auto found = entries_.find(signature);
    if (found == entries_.end()) {
        return why;
    }
    auto& entry = found->second;
    ++entry.counts.failed;
    const bool is_current = entry.key && entry.key->id == key.id;
    if (concerns_secret(why.code)) {
        if (is_current) {
            close(entry);
            set_state(signature, entry, KeyState::kLocked);
            note(signature, entry);
        }
        return locked_error(signature);
    }
    if (is_current && concerns_key(why.code)) {
        set_state(signature, entry, KeyState::kUnusable);
    }
    return why;
}

void Keys::note_success(const KeySignature& signature, const Key& key,
                        std::chrono::microseconds latency) {
    const auto found = entries_.find(signature);
    if (found == entries_.end()) {
        return;
    }
    auto& entry = found->second;
    ++entry.counts.answered;
    entry.counts.latency.add(latency);
    if (entry.key && entry.key->id == key.id) {
        set_state(signature, entry, KeyState::kUnlocked);
    }
}

void Keys::add(const wire::PkiType& module, std::string locator, std::optional<SecretBytes> secret,
               std::move_only_function<void(Result<AddedKey>)> done) {
    if (!is_usable_locator(locator)) {
        done(std::unexpected(
            Error{ErrorCode::kInvalidArgument,
                  fmt::format("a key's locator is a URI of at most {} bytes", pki::kMaxLocator)}));
        return;
    }
    const auto key = make_key(
        {0, module, std::move(locator), std::move(secret), pki::KeyUse::kPrivate, std::nullopt});
    const auto locks = times_all_locked_;
    open(key, [this, key, locks, done = std::move(done)](const Result<JobResult>& opened) mutable {
        if (locks != times_all_locked_) {
            hosts_.close_key(*key);
            done(std::unexpected(locked_meanwhile()));
        } else {
            done(take_in(key, opened));
        }
    });
}

// The module may have settled more than the locator said: that goes into the token.
Result<AddedKey> Keys::take_in(const std::shared_ptr<Key>& key, const Result<JobResult>& opened) {
    if (!opened) {
        return std::unexpected(opened.error());
    }
    if (!opened->locator.empty()) {
        if (!is_usable_locator(opened->locator)) {
            hosts_.close_key(*key);
            return std::unexpected(
                Error{ErrorCode::kModuleFailed, "the PKI module gave a locator that is no URI"});
        }
        key->locator = opened->locator;
    }
    const auto& signature = *opened->signature;
    key->signature = signature;
    AddedKey added{signature, wire::encode_private_key_token(signature, key->module, key->locator),
                   std::string(opened->warning)};
    auto blob = SecretBytes::copy_of(base::as_bytes(key->locator));
    if (!blob) {
        hosts_.close_key(*key);
        return std::unexpected(std::move(blob.error()));
    }
    const auto known = look_up(signature);
    if (!known || !holds(**known, key->module, blob->view())) {
        forget(signature);
        entries_.insert_or_assign(signature, Entry{.module = key->module,
                                                   .pki_type = key->module,
                                                   .locator = key->locator,
                                                   .blob = std::move(*blob)});
    }
    entries_.at(signature).registered = false;
    TRY(put_unlocked(key, signature));
    return added;
}

// Makes `key`, just opened, the one in use. One that is in use already stays, as requests may be
// under way with it, but the newer secret is the one that opens it from now on.
Result<void> Keys::put_unlocked(const std::shared_ptr<Key>& key, const KeySignature& signature) {
    const auto found = entries_.find(signature);
    if (found == entries_.end()) {
        hosts_.close_key(*key);
        return std::unexpected(Error{ErrorCode::kUnknownKey,
                                     fmt::format("key {} went away meanwhile", signature.text())});
    }
    auto& entry = found->second;
    if (entry.key && entry.state == KeyState::kUnlocked) {
        entry.key->secret = std::move(key->secret);
        hosts_.close_key(*key);
    } else {
        close(entry);
        entry.key = key;
        entry.used = true;
        watch_tokens();
        set_state(signature, entry, KeyState::kUnlocked);
    }
    note(signature, entry);
    return {};
}

Keys::Locks Keys::locks_of(const KeySignature& signature) const {
    const auto found = entries_.find(signature);
    return {found == entries_.end() ? 0 : found->second.times_locked, times_all_locked_};
}

Result<void> Keys::register_token(const KeySignature& signature, keyring::KeySerial serial) {
    const auto found = entries_.find(signature);
    if (found == entries_.end()) {
        return std::unexpected(Error{ErrorCode::kUnknownKey,
                                     fmt::format("key {} was not added", signature.text()),
                                     "call AddKey first"});
    }
    const auto token = tokens_.find(signature);
    if (!token || token->serial != serial) {
        TRY(tokens_.remember(signature, serial));
    }
    found->second.registered = true;
    found->second.serial = {};  // of whichever token look_up() finds
    const auto entry = TRY(look_up(signature));
    note(signature, *entry);
    changed_(signature);
    return {};
}

void Keys::abandon(const KeySignature& signature) {
    const auto found = entries_.find(signature);
    if (found != entries_.end() && !found->second.registered) {
        found->second.registered = true;
        found->second.serial = {};
        static_cast<void>(look_up(signature));  // forgets it where there is no token
    }
}

void Keys::unlock(const KeySignature& signature, std::optional<SecretBytes> secret,
                  std::move_only_function<void(Result<void>)> done) {
    const auto found = look_up(signature);
    if (!found) {
        done(std::unexpected(found.error()));
        return;
    }
    const auto& entry = **found;
    if (!secret) {
        if (auto source = source_of({signature, entry.pki_type, entry.blob.view()})) {
            secret = std::move(source->secret);
        }
    }
    const auto key = make_key(
        {0, entry.module, entry.locator, std::move(secret), pki::KeyUse::kPrivate, signature});
    const auto locks = locks_of(signature);
    open(key, [this, key, locks, done = std::move(done)](const Result<JobResult>& opened) mutable {
        if (locks != locks_of(*key->signature)) {
            hosts_.close_key(*key);
            done(std::unexpected(locked_meanwhile()));
        } else {
            done(opened ? put_unlocked(key, *key->signature) : std::unexpected(opened.error()));
        }
    });
}

Result<void> Keys::lock(const KeySignature& signature) {
    cancel_opens(signature);
    const auto found = look_up(signature);
    if (!found) {
        abandon(signature);  // its token may be yet to be written
        return std::unexpected(found.error());
    }
    ++(*found)->times_locked;
    close(**found);
    set_state(signature, **found, KeyState::kLocked);
    note(signature, **found);
    return {};
}

void Keys::lock_all() {
    ++times_all_locked_;
    cancel_opens(std::nullopt);
    for (const auto& signature : list()) {
        static_cast<void>(lock(signature));  // fails where there is nothing to lock
    }
}

void Keys::forget(const KeySignature& signature) {
    tokens_.forget(signature);
    notes_.erase(signature);
    cancel_opens(signature);
    if (auto entry = entries_.extract(signature)) {
        close(entry.mapped());
        changed_(signature);
    }
}

std::vector<KeySignature> Keys::list() {
    auto signatures = tokens_.list();
    for (const auto& [signature, entry] : entries_) {
        signatures.push_back(signature);
    }
    std::ranges::sort(signatures);
    const auto repeated = std::ranges::unique(signatures);
    signatures.erase(repeated.begin(), repeated.end());
    return signatures;
}

std::optional<KeyInfo> Keys::info(const KeySignature& signature) {
    const auto looked_up = look_up(signature);
    const auto found = entries_.find(signature);
    if (found == entries_.end()) {
        // A token that cannot be used is worth showing; none at all is not.
        if (looked_up || looked_up.error().code == ErrorCode::kUnknownKey) {
            return std::nullopt;
        }
        return KeyInfo{signature, {}, {}, state_without_token(looked_up.error().code), 0, true, {}};
    }
    const auto& entry = found->second;
    return KeyInfo{signature,    entry.module.text(),   entry.locator, entry.state,
                   entry.serial, entry.in_user_keyring, entry.counts};
}

// Keeps no copy of the token, which may hold a passphrase.
Result<Keys::Entry*> Keys::look_up(const KeySignature& signature) {
    auto found = refresh(signature);
    tokens_.wipe();
    return found;
}

Result<Keys::Entry*> Keys::refresh(const KeySignature& signature) {
    const auto stored = tokens_.find(signature);
    const auto token = stored ? token_in(stored->payload, signature)
                              : Result<wire::PrivateKeyToken>(std::unexpected(stored.error()));
    if (!token) {
        token_gone(signature, token.error());
        return std::unexpected(token.error());
    }
    auto found = entries_.find(signature);
    const bool known =
        found != entries_.end() && has_token(found->second.state) &&
        (!found->second.registered || ((found->second.serial == keyring::KeySerial{} ||
                                        found->second.serial == stored->serial) &&
                                       holds(found->second, token->pki_type, token->blob)));
    if (!known) {
        auto entry = entry_of(*token);
        if (!entry) {
            token_gone(signature, entry.error());
            return std::unexpected(std::move(entry.error()));
        }
        if (found != entries_.end()) {
            close(found->second);
            notes_.erase(signature);
        }
        found = entries_.insert_or_assign(signature, std::move(*entry)).first;
        watch_tokens();
        changed_(signature);
    }
    found->second.serial = stored->serial;
    found->second.in_user_keyring = stored->in_user_keyring;
    found->second.seen_in = loop_.turn();
    return &found->second;
}

// For requests that were read together: a look-up is a quarter of what one costs us.
Result<Keys::Entry*> Keys::look_up_once_a_turn(const KeySignature& signature) {
    const auto found = entries_.find(signature);
    if (found != entries_.end() && found->second.seen_in == loop_.turn() &&
        has_token(found->second.state)) {
        return &found->second;
    }
    return look_up(signature);
}

bool Keys::holds(const Entry& entry, const wire::PkiType& pki_type, base::ByteView blob) {
    return entry.pki_type == pki_type && base::equal_in_constant_time(entry.blob.view(), blob);
}

Result<Keys::Entry> Keys::entry_of(const wire::PrivateKeyToken& token) {
    auto source = TRY(source_of(token));
    auto blob = TRY(SecretBytes::copy_of(token.blob));
    const auto key = make_key({0, source.module, source.locator, std::move(source.secret),
                               pki::KeyUse::kPrivate, token.signature});
    return Entry{.module = source.module,
                 .pki_type = token.pki_type,
                 .locator = source.locator,
                 .blob = std::move(blob),
                 .key = key};
}

void Keys::watch_tokens() {
    if (!std::exchange(sweep_is_due_, true)) {
        sweep_.run_after(kSweepEvery);
    }
}

// Closes the keys whose tokens have gone. Goes on while there are others to watch.
void Keys::sweep() {
    sweep_is_due_ = false;
    std::vector<KeySignature> watched;
    for (const auto& [signature, entry] : entries_) {
        if (entry.public_key || (entry.key && (entry.used || entry.key->secret))) {
            watched.push_back(signature);
        }
    }
    for (const auto& signature : watched) {
        static_cast<void>(look_up(signature));
    }
    if (!watched.empty()) {
        watch_tokens();
    }
}

void Keys::token_gone(const KeySignature& signature, const Error& why) {
    const auto found = entries_.find(signature);
    if (found == entries_.end() || !found->second.registered) {
        return;
    }
    if (why.code == ErrorCode::kUnknownKey) {
        forget(signature);
        return;
    }
    cancel_opens(signature);
    close(found->second);
    found->second.blob = {};  // it may hold a passphrase
    set_state(signature, found->second, state_without_token(why.code));
    notes_.erase(signature);
}

void Keys::open(const std::shared_ptr<Key>& key,
                std::move_only_function<void(Result<JobResult>)> done) {
    opening_.emplace(key->id, key);
    auto opened = [this, id = key->id, done = std::move(done)](Result<JobResult> result) mutable {
        opening_.erase(id);
        done(std::move(result));
    };
    hosts_.submit({key, {}, {}, Clock::now() + kOpenDeadline, std::move(opened)});
}

// Of one key or of all. Those who wait for them are told when the host has let go.
void Keys::cancel_opens(const std::optional<KeySignature>& signature) {
    const auto opening = opening_;  // some end in here
    for (const auto& [id, key] : opening) {
        if (!signature || key->signature == signature) {
            hosts_.close_key(*key);
            key->secret.reset();
        }
    }
}

// The requests that wait for it fail in here. Jobs may have the key a little longer, the secret
// not.
void Keys::close(Entry& entry) {
    entry.used = false;
    if (const auto key = std::exchange(entry.key, nullptr)) {
        hosts_.close_key(*key);
        key->secret.reset();
    }
    if (const auto key = std::exchange(entry.public_key, nullptr)) {
        hosts_.close_key(*key);
    }
}

void Keys::set_state(const KeySignature& signature, Entry& entry, KeyState state) {
    if (std::exchange(entry.state, state) != state) {
        changed_(signature);
    }
}

std::shared_ptr<Key> Keys::make_key(Key key) {
    key.id = ++last_key_id_;
    return std::make_shared<Key>(std::move(key));
}

}  // namespace ecryptfs::agent
