// SPDX-License-Identifier: Apache-2.0

#include "agent/keys/key_notes.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <string_view>

namespace ecryptfs::agent {
namespace {

std::string_view note_signature(const KeyNote& note) {
    return {note.signature.data(), note.signature.size()};
}

void set_sequence(KeyNote& note, std::uint64_t sequence) {
    std::atomic_ref(note.sequence).store(sequence);
}

bool has_signature(const KeyNote& note, const wire::KeySignature& signature) {
    return note.sequence != 0 && note_signature(note) == signature.text();
}

void wipe(KeyNote& note) {
    set_sequence(note, 0);
    ::explicit_bzero(&note, sizeof(note));
}

bool is_sound(const KeyNote& note) {
    return note.sequence != 0 &&
           std::size_t{note.blob_size} + note.secret_size <= note.bytes.size() &&
           wire::KeySignature::from_text(note_signature(note)).has_value();
}

}  // namespace

// A key has two notes if a write was cut short. The older one goes.
KeyNotes::KeyNotes(KeyNotePlaces places)
    : notes_(places.notes), locks_all_others_(places.locks_all_others) {
    for (auto& note : notes_.written()) {
        if (!is_sound(note)) {
            wipe(note);
        }
        last_sequence_ = std::max(last_sequence_, note.sequence);
    }
    for (auto& note : notes_.written()) {
        const bool is_outdated = std::ranges::any_of(notes_.written(), [&](const KeyNote& other) {
            return other.sequence > note.sequence && other.signature == note.signature;
        });
        if (is_outdated) {
            wipe(note);
        }
    }
}

KeyNote* KeyNotes::find_room() {
    const auto free = std::ranges::find(notes_.written(), 0U, &KeyNote::sequence);
    return free == notes_.written().end() ? notes_.take_unused() : &*free;
}

// Turns the key's note into one that says that the key is locked. False if it has none.
bool KeyNotes::lock_in_place(const wire::KeySignature& signature) {
    const auto notes = notes_.written();
    const auto note = std::ranges::find_if(
        notes, [&](const KeyNote& one) { return has_signature(one, signature); });
    if (note == notes.end()) {
        return false;
    }
    std::atomic_ref(note->locked).store(1);  // first: a locked key has no secret
    note->has_secret = 0;
    note->blob_size = 0;
    note->secret_size = 0;
    ::explicit_bzero(note->bytes.data(), note->bytes.size());
    return true;
}

bool KeyNotes::write(const KeyNoteView& view) {
    const auto secret = view.secret.value_or(base::ByteView{});
    const bool fits = view.blob.size() + secret.size() <= sizeof(KeyNote::bytes);
    auto* free = fits ? find_room() : nullptr;
    if (free == nullptr && view.locked && lock_in_place(view.signature)) {
        return true;
    }
    if (free == nullptr) {
        locks_all_others_ |= view.locked ? 1 : 0;
        erase(view.signature);
        return false;
    }
    std::ranges::copy(view.signature.text(), free->signature.begin());
    free->serial = view.serial.value;
    free->in_user_keyring = view.in_user_keyring;
    free->locked = view.locked;
    free->has_secret = view.secret.has_value();
    free->blob_size = static_cast<std::uint16_t>(view.blob.size());
    free->secret_size = static_cast<std::uint16_t>(secret.size());
    std::ranges::copy(secret, std::ranges::copy(view.blob, free->bytes.begin()).out);
    set_sequence(*free, ++last_sequence_);
    for (auto& note : notes_.written()) {
        if (&note != free && note.sequence != 0 && note.signature == free->signature) {
            wipe(note);
        }
    }
    return true;
}

void KeyNotes::erase(const wire::KeySignature& signature) {
    for (auto& note : notes_.written()) {
        if (has_signature(note, signature)) {
            wipe(note);
        }
    }
}

bool KeyNotes::has(const wire::KeySignature& signature) const {
    return std::ranges::any_of(notes_.written(),
                               [&](const KeyNote& note) { return has_signature(note, signature); });
}

std::vector<KeyNoteView> KeyNotes::all() const {
    std::vector<KeyNoteView> views;
    for (const auto& note : notes_.written()) {
        if (note.sequence == 0) {
            continue;
        }
        const base::ByteView bytes(note.bytes);
        KeyNoteView view{base::value_or_throw(wire::KeySignature::from_text(note_signature(note))),
                         keyring::KeySerial{note.serial},
                         note.in_user_keyring != 0,
                         note.locked != 0,
                         bytes.first(note.blob_size),
                         std::nullopt};
        if (note.has_secret != 0) {
            view.secret = bytes.subspan(note.blob_size, note.secret_size);
        }
        views.push_back(view);
    }
    return views;
}

}  // namespace ecryptfs::agent
