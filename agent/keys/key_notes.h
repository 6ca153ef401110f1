// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "agent/runtime/handover.h"
#include "lib/keyring/key_serial.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::agent {

// What the next process must know of a key and its token does not say. Views into the shared
// memory, or into what is to be written there.
struct KeyNoteView {
    wire::KeySignature signature;
    keyring::KeySerial serial;
    bool in_user_keyring = true;
    bool locked = false;
    base::ByteView blob;  // tells the token from another one; not needed if `locked`
    std::optional<base::ByteView> secret;
};

// The notes on keys in the memory that outlives this process. This process may die at any moment:
// even in the middle of a write a key has the old note or the new one.
class KeyNotes {
  public:
    // Borrows the notes.
    explicit KeyNotes(KeyNotePlaces places);

    // False if there is no room: the key will be locked in the next process.
    bool write(const KeyNoteView& note);
    void erase(const wire::KeySignature& signature);
    std::vector<KeyNoteView> all() const;
    bool has(const wire::KeySignature& signature) const;

    // Whether keys without a note must be locked: there was no room for the note of a locked key.
    bool locks_all_others() const { return locks_all_others_ != 0; }
    // For when those keys are locked and have notes.
    void stop_locking_others() { locks_all_others_ = 0; }

  private:
    KeyNote* find_room();
    bool lock_in_place(const wire::KeySignature& signature);

    Places<KeyNote> notes_;
    std::uint32_t& locks_all_others_;
    std::uint64_t last_sequence_ = 0;
};

}  // namespace ecryptfs::agent
