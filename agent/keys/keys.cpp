// SPDX-License-Identifier: Apache-2.0

#include "agent/keys/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "agent/keys/key_source.h"
#include "agent/runtime/log.h"
#include "lib/base/try.h"
#include "lib/keyring/hidden_token.h"

namespace ecryptfs::agent {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::SecretBytes;
using wire::KeySignature;
using namespace std::chrono_literals;

// The kernel does not report that a token has gone: CONFIG_WATCH_QUEUE is off in Debian's kernels,
// and would not report that one has expired. So the agent asks about keys that are in some memory,
// often enough to notice within a second. The accuracy lets agents wake up together.
constexpr auto kSweepEvery = 750ms;
constexpr auto kSweepAccuracy = 250ms;

}  // namespace

Keys::Keys(EventLoop& loop, KeyHosts& hosts, KeyNotePlaces notes)
    : loop_(loop),
      opener_(hosts),
      notes_(notes),
      sweep_(loop.timer(kSweepAccuracy, [this] { sweep(); })) {}

void Keys::on_change(std::function<void(const KeySignature&)> changed) {
    changed_.push_back(std::move(changed));
}

void Keys::restore() {
    for (const auto& note : notes_.all()) {
        if (!note.in_user_keyring) {
            static_cast<void>(
                keyring_.announce(note.signature, note.serial));  // or it is not found
        }
        static_cast<void>(refresh_from_keyring(note.signature));  // the table says what it found
        carry_out(table_.restore(note));
    }
    if (notes_.locks_all_others()) {
        lock_all_without_a_note();
    }
}

void Keys::lock_all_without_a_note() {
    refresh_from_keyring();
    bool all_have_notes = true;
    for (const auto& signature : list()) {
        if (!notes_.has(signature) && lock(signature)) {
            all_have_notes = all_have_notes && notes_.has(signature);
        }
    }
    if (all_have_notes) {
        notes_.stop_locking_others();
    }
}

// --- Requests ---

// Requests that were read together ask the keyring once: asking is a quarter of a request's cost.
Result<KeyRef> Keys::use_key(const KeySignature& signature, base::FileKeyOperation action) {
    if (!keyring_.is_current(signature, loop_.turn()) || !table_.has_token(signature)) {
        TRY(refresh_from_keyring(signature));
    }
    auto key = table_.use_key(signature, action);
    watch_tokens();
    return key;
}

Error Keys::record_failure(const Key& key, Error why) {
    return carry_out(table_.record_failure(key, std::move(why)));
}

void Keys::record_success(const Key& key, std::chrono::microseconds latency) {
    carry_out(table_.record_success(key, latency));
}

// --- People ---

void Keys::add(const wire::PkiType& module, std::string locator, std::optional<SecretBytes> secret,
               std::move_only_function<void(Result<AddedKey>)> done) {
    if (!is_usable_locator(locator)) {
        done(std::unexpected(Error{
            ErrorCode::kInvalidArgument,
            fmt::format("a key's locator must be a URI of at most {} bytes", pki::kMaxLocator)}));
        return;
    }
    const auto key = table_.begin_add(module, std::move(locator), std::move(secret));
    opener_.open(key, Clock::now(),
                 [this, key, done = std::move(done)](const Result<OpenedKey>& opened) mutable {
                     done(accept_opened_key(key, opened));
                 });
}

Result<AddedKey> Keys::accept_opened_key(const KeyRef& key, const Result<OpenedKey>& opened) {
    if (opened) {
        static_cast<void>(refresh_from_keyring(opened->signature));  // there need be no token yet
    }
    TRY(carry_out(table_.finish_add(key, opened)));
    const auto& signature = opened->signature;
    return AddedKey{signature, wire::encode_private_key_token(signature, key->module, key->locator),
                    opened->warning};
}

Result<void> Keys::register_token(const KeySignature& signature, keyring::KeySerial serial) {
    if (!table_.find(signature)) {
        return std::unexpected(Error{ErrorCode::kUnknownKey,
                                     fmt::format("key {} was not added", signature.text()),
                                     "call AddKey first"});
    }
    TRY(keyring_.announce(signature, serial));
    table_.trust_next_token(signature);
    return refresh_from_keyring(signature);
}

void Keys::abandon(const KeySignature& signature) {
    if (table_.awaits_token(signature)) {
        table_.trust_next_token(signature);
        static_cast<void>(refresh_from_keyring(signature));  // forgets it where there is no token
    }
}

void Keys::unlock(const KeySignature& signature, std::optional<SecretBytes> secret,
                  std::move_only_function<void(Result<void>)> done) {
    if (auto seen = refresh_from_keyring(signature); !seen) {
        done(std::move(seen));
        return;
    }
    const auto key = table_.begin_unlock(signature, std::move(secret));
    if (!key) {
        done(std::unexpected(key.error()));
        return;
    }
    opener_.open(
        *key, Clock::now(),
        [this, key = *key, done = std::move(done)](const Result<OpenedKey>& opened) mutable {
            done(carry_out(table_.finish_unlock(key, opened)));
        });
}

// A key that was just added can be locked although it has no token yet.
Result<void> Keys::lock(const KeySignature& signature) {
    auto seen = refresh_from_keyring(signature);
    carry_out(table_.lock(signature));
    return table_.is_locked(signature) ? Result<void>() : std::move(seen);
}

void Keys::lock_all() {
    refresh_from_keyring();  // so that keys that nobody needed yet are locked, too
    carry_out(table_.lock_all());
    keyring::drop_hidden_tokens();  // folder keys, which open files without this process
}

void Keys::forget(const KeySignature& signature) {
    carry_out(table_.forget(signature));
}

// --- The keyring ---

Result<void> Keys::refresh_from_keyring(const KeySignature& signature) {
    const auto token = keyring_.refresh(signature, loop_.turn());
    auto outcome = token ? table_.see_token(signature, *token)
                         : Outcome<Result<void>>{std::unexpected(token.error()),
                                                 table_.lose_token(signature, token.error().code)};
    keyring_.wipe();
    return carry_out(std::move(outcome));
}

void Keys::refresh_from_keyring() {
    keyring_.refresh_list();
    for (const auto& signature : list()) {
        static_cast<void>(refresh_from_keyring(signature));  // the table has what it found
    }
}

std::vector<KeySignature> Keys::list() const {
    auto signatures = table_.signatures();
    signatures.insert(signatures.end(), keyring_.signatures().begin(), keyring_.signatures().end());
    std::ranges::sort(signatures);
    const auto repeated = std::ranges::unique(signatures);
    signatures.erase(repeated.begin(), repeated.end());
    return signatures;
}

void Keys::watch_tokens() {
    if (!sweep_is_due_ && !table_.keys_in_memory().empty()) {
        sweep_is_due_ = true;
        sweep_.run_after(kSweepEvery);
    }
}

// Closes the keys whose tokens have gone. Goes on while there are others to watch.
void Keys::sweep() {
    sweep_is_due_ = false;
    for (const auto& signature : table_.keys_in_memory()) {
        static_cast<void>(refresh_from_keyring(signature));
    }
    watch_tokens();
}

// --- What the table wants done ---

// Notes come first: a process that dies in here must not leave a locked key unlocked. Hosts come
// last: requests that fail as their key is closed come back to this object.
void Keys::carry_out(const KeyEffects& effects) {
    for (const auto& signature : effects.forgotten) {
        keyring_.forget(signature);
    }
    for (const auto& signature : effects.noted) {
        write_note(signature);
    }
    for (const auto& signature : effects.changed) {
        for (const auto& changed : changed_) {
            changed(signature);
        }
    }
    watch_tokens();
    opener_.close(effects.closed);
}

void Keys::write_note(const KeySignature& signature) {
    const auto note = table_.note(signature);
    if (!note) {
        notes_.erase(signature);
        return;
    }
    if (notes_.write(*note)) {
        return;
    }
    log_line(Priority::kNotice,
             note->locked
                 ? fmt::format("all keys will be locked when the agent is restarted: there is no "
                               "room to note that key {} is locked",
                               signature.text())
                 : fmt::format("key {} will be locked when the agent is restarted: there is no "
                               "room to keep its secret",
                               signature.text()),
             {{"ECRYPTFS_SIGNATURE", signature.text()}});
}

}  // namespace ecryptfs::agent
