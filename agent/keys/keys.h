// SPDX-License-Identifier: Apache-2.0
//
// All that the agent does with keys. Data goes one way: the keyring, requests, hosts and people
// cause events, the table turns an event into what is to be done, and this class has the hosts, the
// notes and the bus do it.

#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/keys/key_notes.h"
#include "agent/keys/key_opener.h"
#include "agent/keys/key_table.h"
#include "agent/keys/keyring_view.h"
#include "agent/keys/request_keys.h"
#include "agent/modules/key.h"
#include "agent/modules/key_hosts.h"
#include "agent/runtime/event_loop.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/keyring/key_serial.h"

namespace ecryptfs::agent {

// What add() gives. The token is to be put into a keyring. There may be no warning.
struct AddedKey {
    wire::KeySignature signature;
    std::vector<std::uint8_t> token;
    std::string warning;
};

class Keys : public RequestKeys {
  public:
    // Borrows the loop, the hosts and the notes, which outlive this process.
    Keys(EventLoop& loop, KeyHosts& hosts, KeyNotePlaces notes);

    // Goes on with what an earlier process was told of keys, if the keyring still has their tokens.
    void restore();

    // `changed`, and others given before, are called when a key comes, goes or changes its state.
    void on_change(std::function<void(const wire::KeySignature&)> changed);

    // --- Requests ---

    base::Result<KeyRef> use_key(const wire::KeySignature& signature,
                                 base::FileKeyOperation operation) override;
    base::Error record_failure(const Key& key, base::Error why) override;
    void record_success(const Key& key, std::chrono::microseconds latency) override;

    // --- People ---

    // Opens a key whose token is yet to be written. register_token() must follow, or else
    // abandon().
    void add(const wire::PkiType& module, std::string locator,
             std::optional<base::SecretBytes> secret,
             std::move_only_function<void(base::Result<AddedKey>)> done);
    base::Result<void> register_token(const wire::KeySignature& signature,
                                      keyring::KeySerial serial);
    // For a key whose token nobody registered: forgets the key, unless its token is there.
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
    std::vector<std::function<void(const wire::KeySignature&)>> changed_;
    EventLoop::Source sweep_;
    bool sweep_is_due_ = false;
};

}  // namespace ecryptfs::agent
