// SPDX-License-Identifier: Apache-2.0
//
// The state of each key. Pure: the table has no loop, no keyring, no hosts and no clock. Each event
// changes it and gives back what is to be done. The table is ready for the next event by then,
// which may come while that is done.
//
// A key's stages:
//
//   event                    from                              to
//   token seen               -                                 unopened
//   another token seen       any                               unopened
//   request                  unopened                          tried
//   operation succeeded      tried, failing                    unlocked
//   ... failed for the key   tried, unlocked                   failing
//   ... needs a secret       tried, unlocked, failing          locked
//   opened for a person      any, and - if it was added        unlocked
//   locked                   any but lost                      locked
//   token expired, revoked   any                               lost
//   token gone, forgotten    any                               -
//
// The keyring has the last word: the table forgets what it knew of another serial number, PKI type
// or blob. (Not of another payload: the kernel writes into the payload's session-key field.
// keystore.c: ecryptfs_generate_key_packet_set.) Only a key that was just added may wait for its
// token.

#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/keys/key_notes.h"
#include "agent/keys/seen_token.h"
#include "agent/modules/key.h"
#include "agent/runtime/statistics.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/dbus/states.h"
#include "lib/keyring/key_serial.h"
#include "lib/pki/host_protocol.h"

namespace ecryptfs::agent {

using dbus::KeyState;

// What the bus shows of a key.
struct KeyInfo {
    wire::KeySignature signature;
    std::string module;
    std::string locator;
    KeyState state = KeyState::kMissing;
    keyring::KeySerial serial;
    bool in_user_keyring = true;
    KeyCounts counts;
};

// What a host said of a key that it opened for a person.
struct OpenedKey {
    wire::KeySignature signature;
    std::string locator;  // settled by the module, else empty
    std::string warning;
};

// What is to be done after an event.
struct KeyEffects {
    std::vector<wire::KeySignature> noted;      // write the note that note() gives, or erase it
    std::vector<wire::KeySignature> forgotten;  // forget which token was announced
    std::vector<wire::KeySignature> changed;    // tell that find() gives something else
    std::vector<KeyRef> closed;                 // have all processes give up the key
};

// What an event gives its caller, and what the caller is to do.
template <typename T>
struct Outcome {
    T result;
    KeyEffects effects;
};

class KeyTable {
  public:
    KeyTable() = default;
    KeyTable(const KeyTable&) = delete;
    KeyTable& operator=(const KeyTable&) = delete;
    ~KeyTable() = default;

    // --- The keyring ---

    // kInvalidToken if the token is of no use, which counts as its loss.
    Outcome<base::Result<void>> see_token(const wire::KeySignature& signature,
                                          const SeenToken& token);
    // `why` is kUnknownKey if there is no token.
    KeyEffects lose_token(const wire::KeySignature& signature, base::ErrorCode why);
    // An added key waits no more: its token was written, or never will be. The next thing that the
    // keyring says of the key is true, whatever the token's serial number.
    void trust_next_token(const wire::KeySignature& signature);

    // --- Requests ---

    // The key to use now. kKeyLocked if there is none. A locked key may still encrypt, where its
    // module can do that with the public half alone.
    base::Result<KeyRef> use_key(const wire::KeySignature& signature,
                                 base::FileKeyOperation action);
    KeyEffects record_success(const Key& key, std::chrono::microseconds latency);
    // Gives the error to report.
    Outcome<base::Error> record_failure(const Key& key, base::Error why);

    // --- People ---

    // These give a key that a host is to open. One call of finish_add() or finish_unlock() must
    // follow, whether the host opens the key or not.
    KeyRef begin_add(const wire::PkiType& module, std::string locator,
                     std::optional<base::SecretBytes> secret);
    base::Result<KeyRef> begin_unlock(const wire::KeySignature& signature,
                                      std::optional<base::SecretBytes> secret);
    // Ask the keyring about the key first. An added key is unlocked, and waits for its token.
    Outcome<base::Result<void>> finish_add(const KeyRef& key,
                                           const base::Result<OpenedKey>& opened);
    Outcome<base::Result<void>> finish_unlock(const KeyRef& key,
                                              const base::Result<OpenedKey>& opened);

    // These cancel what opens the key: its end does not unlock the key.
    KeyEffects lock(const wire::KeySignature& signature);
    KeyEffects lock_all();
    KeyEffects forget(const wire::KeySignature& signature);

    // --- The process before this one ---

    KeyEffects restore(const KeyNoteView& note);

    // --- What is so now ---

    // Whether the key has a token, or waits for it.
    bool has_token(const wire::KeySignature& signature) const;
    bool awaits_token(const wire::KeySignature& signature) const;
    bool is_locked(const wire::KeySignature& signature) const;
    std::optional<KeyInfo> find(const wire::KeySignature& signature) const;
    // Of the keys that have a module and a locator.
    std::vector<wire::KeySignature> signatures() const;
    // Of the keys that must be closed when their token goes: some process may have them.
    std::vector<wire::KeySignature> keys_in_memory() const;
    // What the next process must know of the key and its token does not say. Views end with the
    // next event.
    std::optional<KeyNoteView> note(const wire::KeySignature& signature) const;

  private:
    enum class Stage : std::uint8_t {
        kUnopened,  // has a key, which nobody needed yet
        kTried,     // has a key, which a host may have open
        kUnlocked,  // has a key, which works
        kFailing,   // has a key, which does not work for now
        kLocked,    // has no key, but maybe its public half
        kLost,      // has nothing, as it has no token
    };
    enum class Wait : std::uint8_t {
        kForToken,     // was added; the token may be missing or an older one
        kForNextLook,  // was added; what the keyring says next is true
        kNone,
    };
    struct Contents {
        wire::PkiType module;
        wire::PkiType pki_type;  // the module's name, or an older one for it
        std::string locator;
        base::SecretBytes blob;  // none once the token is lost: it may hold a passphrase
    };
    struct Entry {
        std::optional<Contents> contents = {};  // none if no token was ever of use
        keyring::KeySerial serial = {};         // 0 until the token was seen
        bool in_user_keyring = true;
        Wait wait = Wait::kNone;
        Stage stage = Stage::kLocked;
        KeyState lost_state = KeyState::kMissing;  // counts for kLost only
        std::shared_ptr<Key> key = {};             // what decrypts
        bool secret_was_told = false;              // that of `key`, else it is the token's own
        KeyRef public_key = {};                    // what encrypts while locked
        KeyCounts counts = {};
    };
    // Of a key that a host is opening for a person.
    struct Opening {
        std::shared_ptr<Key> key;
        bool secret_was_told = false;
        // An added key's signature is known once it is open. It may be one of these.
        std::vector<wire::KeySignature> locked_meanwhile = {};
        std::optional<base::Error> cancelled = {};
    };

    static KeyState state(const Entry& entry);
    static bool holds(const Entry& entry, const wire::PkiType& pki_type, base::ByteView blob);
    static bool is_known(const Entry& entry, const SeenToken& token);
    Entry* find_entry(const wire::KeySignature& signature);
    const Entry* find_entry(const wire::KeySignature& signature) const;

    std::shared_ptr<Key> make_key(Key key);
    base::Result<Entry> make_entry(const wire::KeySignature& signature, const SeenToken& token);
    KeyRef begin_open(Key key);
    // Fails if the open was cancelled, or did.
    base::Result<Opening> finish_open(const KeyRef& key, const base::Result<OpenedKey>& opened,
                                      KeyEffects& effects);
    base::Result<void> accept_opened_key(const Opening& opening, const OpenedKey& opened,
                                         KeyEffects& effects);
    static void put_unlocked(const wire::KeySignature& signature, Entry& entry,
                             const Opening& opening, KeyEffects& effects);
    void lose(const wire::KeySignature& signature, base::ErrorCode why, KeyEffects& effects);
    void forget(const wire::KeySignature& signature, KeyEffects& effects);
    void cancel_opens(const wire::KeySignature& signature, const base::Error& why,
                      KeyEffects& effects);
    static void cancel(Opening& opening, const base::Error& why, KeyEffects& effects);
    static void lock(const wire::KeySignature& signature, Entry& entry, KeyEffects& effects);
    static void close(Entry& entry, KeyEffects& effects);
    static void close(const std::shared_ptr<Key>& key, KeyEffects& effects);
    static void enter(const wire::KeySignature& signature, Entry& entry, Stage stage,
                      KeyEffects& effects);

    std::map<wire::KeySignature, Entry> entries_;
    std::map<std::uint64_t, Opening> openings_;  // by Key::id
    std::uint64_t last_key_id_ = 0;
};

}  // namespace ecryptfs::agent
