// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "agent/handover.h"
#include "agent/token_store.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::agent {

// What the user said of a key, which its token does not tell. Views into the shared memory, or into
// what is to be written there.
struct KeyNoteView {
    wire::KeySignature signature;
    KeySerial serial = 0;
    bool in_user_keyring = true;
    bool locked = false;
    base::ByteView blob;  // the token's, by which it is known again
    std::optional<base::ByteView> secret;
};

// The notes on keys in the memory that outlives this process: at each moment, even in the middle of
// a write, a key has the old note or the new one.
class KeyNotes {
  public:
    // Borrows the notes.
    explicit KeyNotes(Places<KeyNote> notes);

    // False if there is no room: the next process will have to be told anew.
    bool write(const KeyNoteView& note);
    void erase(const wire::KeySignature& signature);
    std::vector<KeyNoteView> all() const;

  private:
    KeyNote* free_note();

    Places<KeyNote> notes_;
    std::uint64_t last_sequence_ = 0;
};

}  // namespace ecryptfs::agent
