// SPDX-License-Identifier: Apache-2.0
//
// A channel is a SEQPACKET socket between the agent and a program that needs file keys, such as
// ecryptfs-fuse. On it are the frames of /dev/ecryptfs (lib/wire/device_frame.h), and notes: the
// agent tells that keys were locked or unlocked, the program confirms that it has forgotten what it
// had. docs/channel.md. Pure.

#pragma once

#include <cstdint>
#include <optional>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::channel {

enum class NoteType : std::uint8_t { kLocked = 110, kUnlocked = 111, kConfirmed = 112 };

// The number of a note that nobody sent: the agent has gone.
inline constexpr std::uint32_t kAgentGone = 0;

struct Note {
    NoteType type = NoteType::kLocked;
    std::uint32_t number = 0;  // counts the agent's notes; of kConfirmed: the last one that is done
    // Of kLocked and kUnlocked: the key, or nothing for all keys.
    std::optional<wire::KeySignature> signature = {};
};

inline constexpr std::size_t kMaxNote = 1 + 4 + wire::KeySignature::kTextSize;

// Whether the bytes are a note and no frame.
bool is_note(base::ByteView bytes);

// kMalformed for another size, type or signature.
base::Result<Note> parse_note(base::ByteView bytes);

// Writes it into `buffer`, of kMaxNote bytes at least; gives the part written.
base::ByteView encode_note(const Note& note, base::ByteSpan buffer);

}  // namespace ecryptfs::channel
