// SPDX-License-Identifier: Apache-2.0
//
// A channel is a SEQPACKET socket between the agent and a program that needs file keys, such as
// ecryptfs-fuse. On it are the frames of /dev/ecryptfs (lib/wire/device_frame.h), and notes: the
// agent tells that keys were locked or unlocked, the program confirms that it has forgotten what it
// had. docs/channel.md. Pure.

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/secret_bytes.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::channel {

enum class NoteType : std::uint8_t { kLocked = 110, kUnlocked = 111, kConfirmed = 112 };

// The number of a note that nobody sent: the agent has gone.
inline constexpr std::uint32_t kAgentGone = 0;

// A FEKEK or FNEK that no keyring gives out, for a mount that has forgotten it, and its salt.
struct HandedKey {
    static constexpr std::size_t kKeySize = 64;
    std::array<std::uint8_t, 8> salt = {};
    base::SecretBytes key;
};

struct Note {
    NoteType type = NoteType::kLocked;
    std::uint32_t number = 0;  // counts the agent's notes; of kConfirmed: the last one that is done
    // Of kLocked and kUnlocked: the key, or nothing for all keys.
    std::optional<wire::KeySignature> signature = {};
    std::shared_ptr<const HandedKey> key = {};  // of some kUnlocked with a signature
};

inline constexpr std::size_t kMaxNote =
    1 + 4 + wire::KeySignature::kTextSize + 8 + HandedKey::kKeySize;

// Whether the bytes are a note and no frame.
bool is_note(base::ByteView bytes);

// kMalformed for another size, type or signature.
base::Result<Note> parse_note(base::ByteView bytes);

// Writes it into `buffer`, of kMaxNote bytes at least; gives the part written. A secret if it hands
// over a key.
base::ByteView encode_note(const Note& note, base::ByteSpan buffer);

}  // namespace ecryptfs::channel
