// SPDX-License-Identifier: Apache-2.0
//
// All that the agent does with keys. What happens goes one way: from the keyring, the requests, the
// hosts and people into the table, and what the table wants done to the hosts, the notes and
// whoever shows keys.

#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/keys/key.h"
#include "agent/keys/key_hosts.h"
#include "agent/keys/key_notes.h"
#include "agent/keys/key_opener.h"
#include "agent/keys/key_table.h"
#include "agent/keys/keyring_view.h"
#include "agent/runtime/event_loop.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/keyring/key_serial.h"

namespace ecryptfs::agent {

// What add() gives: the key's signature, the token to be put into a keyring, and a warning or "".
struct AddedKey {
    wire::KeySignature signature;
    std::vector<std::uint8_t> token;
    std::string warning;
};

class Keys {
  public:
    // Borrows the loop, the hosts and the notes, which outlive this process.
    Keys(EventLoop& loop, KeyHosts& hosts, KeyNotePlaces notes);

    // Takes up what an earlier process was told, where the keyring still has the same token.
    void restore();

    // Told when a key's state changes, when it comes and when it goes.
    void on_change(std::function<void(const wire::KeySignature&)> changed);

    // --- Requests ---

    // The key to use for a request now. Fails at once when there is nothing to use: no token,
    // expired, revoked, locked. A locked key may still encrypt, where its module can do so with the
    // public half alone.
    base::Result<KeyRef> use_key(const wire::KeySignature& signature, pki::KeyAction action);
    // How a request with `key` ended. A key that turns out to need a secret, or another one, is
    // locked from then on. Gives the error to report.
    base::Error record_failure(const Key& key, base::Error why);
    void record_success(const Key& key, std::chrono::microseconds latency);

    // --- People ---

    // Opens a key and takes it in, though its token is yet to be written: register_token() is to
    // follow, or else abandon().
    void add(const wire::PkiType& module, std::string locator,
             std::optional<base::SecretBytes> secret,
             std::move_only_function<void(base::Result<AddedKey>)> done);
    base::Result<void> register_token(const wire::KeySignature& signature,
                                      keyring::KeySerial serial);
    // Nobody will register it any more: forgets the key, unless there is a token of it all the
    // same.
    void abandon(const wire::KeySignature& signature);

    void unlock(const wire::KeySignature& signature, std::optional<base::SecretBytes> secret,
                std::move_only_function<void(base::Result<void>)> done);
    base::Result<void> lock(const wire::KeySignature& signature);
    void lock_all();
    void forget(const wire::KeySignature& signature);

    // --- What the bus shows: that of the last refresh ---

    // Asks the keyring about one key, or about all of the table and of the user keyring. A key
    // whose token has gone is closed.
    base::Result<void> refresh_from_keyring(const wire::KeySignature& signature);
    void refresh_from_keyring();

    // Known keys and those with a token in the user keyring.
    std::vector<wire::KeySignature> list() const;
    std::optional<KeyInfo> find(const wire::KeySignature& signature) const {
        return table_.find(signature);
    }

  private:
    void lock_all_without_a_note();
    base::Result<AddedKey> accept_opened_key(const KeyRef& key,
                                             const base::Result<OpenedKey>& opened);

    void watch_tokens();
    void sweep();

    void carry_out(const KeyEffects& effects);
    template <typename T>
    T carry_out(Outcome<T> outcome) {
        carry_out(outcome.effects);
        return std::move(outcome.result);
    }
    void write_note(const wire::KeySignature& signature);

    EventLoop& loop_;
    KeyOpener opener_;
    KeyNotes notes_;
    KeyringView keyring_;
    KeyTable table_;
    std::function<void(const wire::KeySignature&)> changed_ = [](const wire::KeySignature&) {};
    EventLoop::Source sweep_;
    bool sweep_is_due_ = false;
};

}  // namespace ecryptfs::agent
