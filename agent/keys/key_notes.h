// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "agent/requests/handover.h"
#include "lib/keyring/key_serial.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::agent {

// What the user said of a key, which its token does not tell. Views into the shared memory, or into
// what is to be written there.
struct KeyNoteView {
    wire::KeySignature signature;
    keyring::KeySerial serial;
    bool in_user_keyring = true;
    bool locked = false;
    base::ByteView blob;  // the token's, by which it is known again; not needed if `locked`
    std::optional<base::ByteView> secret;
};

// The notes on keys in the memory that outlives this process: at each moment, even in the middle of
// a write, a key has the old note or the new one.
class KeyNotes {
  public:
    // Borrows the notes.
    explicit KeyNotes(KeyNotePlaces places);

    // False if there is no room: then the next process has the key locked.
    bool write(const KeyNoteView& note);
    void erase(const wire::KeySignature& signature);
    std::vector<KeyNoteView> all() const;
    bool has(const wire::KeySignature& signature) const;

    // Whether there was no room for a lock, so that keys without a note must be taken as locked.
    bool lock_all_others() const { return locks_all_others_ != 0; }
    // Those keys have notes now.
    void all_others_have_notes() { locks_all_others_ = 0; }

  private:
    KeyNote* free_note();
    bool lock_in_place(const wire::KeySignature& signature);

    Places<KeyNote> notes_;
    std::uint32_t& locks_all_others_;
    std::uint64_t last_sequence_ = 0;
};

}  // namespace ecryptfs::agent
