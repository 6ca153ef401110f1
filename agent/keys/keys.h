// SPDX-License-Identifier: Apache-2.0
//
// The life of each key: found in a keyring, opened, locked, unlocked, gone. The keyring has the
// last word: every look-up reads the token again (those of one moment once), and what was cached
// for another serial number, PKI type or blob is forgotten. (Not for another payload: the kernel
// writes into its session-key field. keystore.c: ecryptfs_generate_key_packet_set.)

#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/keys/key.h"
#include "agent/keys/key_notes.h"
#include "agent/keys/token_store.h"
#include "agent/modules/host_pool.h"
#include "agent/requests/statistics.h"
#include "agent/runtime/event_loop.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/keyring/key_serial.h"

namespace ecryptfs::agent {

enum class KeyState : std::uint8_t {
    kUnopened,  // a token that was not needed yet
    kUnlocked,
    kLocked,
    kExpired,
    kRevoked,
    kMissing,
    kUnusable,
};

std::string_view name_of(KeyState state);

// What the bus shows of a key. Views end with the next call.
struct KeyInfo {
    wire::KeySignature signature;
    std::string module;
    std::string locator;
    KeyState state = KeyState::kMissing;
    keyring::KeySerial serial;
    bool in_user_keyring = true;
    KeyCounts counts;
};

// What add() gives: the key's signature, the token to be put into a keyring, and a warning or "".
struct AddedKey {
    wire::KeySignature signature;
    std::vector<std::uint8_t> token;
    std::string warning;
};

class Keys {
  public:
    // Borrows the loop, the hosts and the notes, which outlive this process.
    Keys(EventLoop& loop, HostPool& hosts, KeyNotePlaces notes);

    // Takes up what an earlier process was told, where the keyring still has the same token.
    void restore();

    // Told when a key's state changes, when it comes and when it goes.
    void on_change(std::function<void(const wire::KeySignature&)> changed);

    // The key to use for a request now. Fails at once when there is nothing to use: no token,
    // expired, revoked, locked. A locked key may still encrypt, where its module can do so with the
    // public half alone.
    base::Result<KeyRef> key_for(const wire::KeySignature& signature, pki::KeyAction action);

    // Tells how a request with `key` ended. A key that turns out to need a secret, or another one,
    // is locked from then on. Gives the error to report.
    base::Error note_failure(const wire::KeySignature& signature, const Key& key, base::Error why);
    void note_success(const wire::KeySignature& signature, const Key& key,
                      std::chrono::microseconds latency);

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

    // Known keys and those with a token in the user keyring.
    std::vector<wire::KeySignature> list();
    std::optional<KeyInfo> info(const wire::KeySignature& signature);

  private:
    struct Entry {
        wire::PkiType module;
        wire::PkiType pki_type;  // in the token: the module's name, or an older one for it
        std::string locator;
        keyring::KeySerial serial = {};             // 0 until its token was seen
        std::optional<std::uint64_t> seen_in = {};  // turn of the loop
        bool in_user_keyring = true;
        bool registered = true;       // else its token may be missing, or another, for now
        base::SecretBytes blob = {};  // the token's
        KeyState state = KeyState::kUnopened;
        std::shared_ptr<Key> key = {};  // what decrypts; none when locked
        KeyRef public_key = {};         // what encrypts while locked
        bool used = false;              // `key` is or was open in a host
        KeyCounts counts = {};
        std::uint64_t times_locked = 0;
    };
    // How often a key, if that is known, and all keys were locked.
    struct Locks {
        std::uint64_t of_key = 0;
        std::uint64_t of_all = 0;
        bool operator==(const Locks&) const = default;
    };

    void restore(const KeyNoteView& note);
    void lock_all_without_a_note();
    base::Result<Entry*> look_up(const wire::KeySignature& signature);
    base::Result<Entry*> refresh(const wire::KeySignature& signature);
    base::Result<Entry*> look_up_once_a_turn(const wire::KeySignature& signature);
    base::Result<Entry> entry_of(const wire::PrivateKeyToken& token);
    static bool holds(const Entry& entry, const wire::PkiType& pki_type, base::ByteView blob);
    void watch_tokens();
    void sweep();
    void token_gone(const wire::KeySignature& signature, const base::Error& why);
    base::Result<AddedKey> take_in(const std::shared_ptr<Key>& key,
                                   const base::Result<JobResult>& opened);
    base::Result<void> put_unlocked(const std::shared_ptr<Key>& key,
                                    const wire::KeySignature& signature);
    Locks locks_of(const wire::KeySignature& signature) const;
    void open(const std::shared_ptr<Key>& key,
              std::move_only_function<void(base::Result<JobResult>)> done);
    void cancel_opens(const std::optional<wire::KeySignature>& signature);
    void close(Entry& entry);
    void note(const wire::KeySignature& signature, const Entry& entry);
    void set_state(const wire::KeySignature& signature, Entry& entry, KeyState state);
    std::shared_ptr<Key> make_key(Key key);

    EventLoop& loop_;
    HostPool& hosts_;
    KeyNotes notes_;
    TokenStore tokens_;
    std::map<wire::KeySignature, Entry> entries_;
    std::map<std::uint64_t, std::shared_ptr<Key>> opening_;  // for a person, by Key::id
    std::function<void(const wire::KeySignature&)> changed_ = [](const wire::KeySignature&) {};
    std::uint64_t last_key_id_ = 0;
    std::uint64_t times_all_locked_ = 0;
    EventLoop::Source sweep_;
    bool sweep_is_due_ = false;
};

}  // namespace ecryptfs::agent
