// SPDX-License-Identifier: Apache-2.0

#include "lib/channel/channel_note.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "lib/base/try.h"

namespace ecryptfs::channel {

namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr auto kSignatureSize = wire::KeySignature::kTextSize;

Result<std::shared_ptr<const HandedKey>> take_key(const Note& note, base::ByteReader& reader) {
    const auto salt = reader.take(HandedKey{}.salt.size());
    const auto key = reader.take(HandedKey::kKeySize);
    if (note.type != NoteType::kUnlocked || !salt || !key || !reader.empty()) {
        return std::unexpected(
            Error{ErrorCode::kMalformed, "a channel's note with something other than a key"});
    }
    auto handed = std::make_shared<HandedKey>();
    std::ranges::copy(*salt, handed->salt.begin());
    handed->key = TRY(base::SecretBytes::copy(*key));
    return handed;
}

}  // namespace

bool is_note(base::ByteView bytes) {
    return !bytes.empty() && bytes.front() >= std::to_underlying(NoteType::kLocked) &&
           bytes.front() <= std::to_underlying(NoteType::kConfirmed);
}

Result<Note> parse_note(base::ByteView bytes) {
    base::ByteReader reader(bytes);
    const auto type = reader.take_native<std::uint8_t>();
    const auto number = reader.take_big_endian<std::uint32_t>();
    if (!is_note(bytes) || !type || !number) {
        return std::unexpected(
            Error{ErrorCode::kMalformed, "a channel's note of an unknown type or size"});
    }
    Note note{static_cast<NoteType>(*type), *number};
    if (!reader.empty()) {
        const auto signature = reader.take(std::min(reader.left().size(), kSignatureSize));
        note.signature = TRY(wire::KeySignature::from_text(base::as_text(*signature)));
    }
    if (!reader.empty()) {
        note.key = TRY(take_key(note, reader));
    }
    return note;
}

base::ByteView encode_note(const Note& note, base::ByteSpan buffer) {
    base::ByteWriter writer(buffer);
    writer.put_byte(std::to_underlying(note.type));
    writer.put_big_endian(note.number);
    if (note.signature) {
        writer.put(base::as_bytes(note.signature->text()));
    }
    if (note.key) {
        writer.put(note.key->salt);
        writer.put(note.key->key.view());
    }
    return writer.written();
}

}  // namespace ecryptfs::channel
