// SPDX-License-Identifier: Apache-2.0

#include "lib/channel/channel_note.h"

#include <string_view>
#include <utility>

#include "lib/base/try.h"

namespace ecryptfs::channel {

bool is_note(base::ByteView bytes) {
    return !bytes.empty() && bytes.front() >= std::to_underlying(NoteType::kLocked) &&
           bytes.front() <= std::to_underlying(NoteType::kConfirmed);
}

base::Result<Note> parse_note(base::ByteView bytes) {
    base::ByteReader reader(bytes);
    const auto type = reader.take_native<std::uint8_t>();
    const auto number = reader.take_big_endian<std::uint32_t>();
    if (!is_note(bytes) || !type || !number) {
        return std::unexpected(base::Error{base::ErrorCode::kMalformed,
                                           "a channel's note of an unknown type or size"});
    }
    Note note{static_cast<NoteType>(*type), *number};
    if (!reader.empty()) {
        note.signature = TRY(wire::KeySignature::from_text(base::as_text(reader.left())));
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
    return writer.written();
}

}  // namespace ecryptfs::channel
