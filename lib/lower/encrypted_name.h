// SPDX-License-Identifier: Apache-2.0
//
// Encrypted names of lower files, and targets of symbolic links, which look the same: a prefix, and
// a Tag 70 packet in eCryptfs' own base 64 (crypto.c: ecryptfs_encode_for_filename; keystore.c:
// ecryptfs_parse_tag_70_packet). Pure.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::lower {

inline constexpr std::string_view kEncryptedNamePrefix = "ECRYPTFS_FNEK_ENCRYPTED.";

// Whether a name, without folders, or a link's target begins with the prefix.
inline bool is_encrypted_name(std::string_view name) {
    return name.starts_with(kEncryptedNamePrefix);
}

// A Tag 70 packet.
struct EncryptedName {
    wire::KeySignature signature;  // of the FNEK
    std::uint8_t cipher_code = 0;
    std::vector<std::uint8_t> encrypted;  // whole blocks
};

// kMalformed: says what is wrong, and at which byte of the name or of the packet behind its prefix.
base::Result<EncryptedName> parse_encrypted_name(std::string_view name);

// A way to read a lower name.
struct NameReading {
    EncryptedName name;
    std::string added;  // by some tool; empty for a name as eCryptfs wrote it
};

// The ways to read a lower name: as it is or, if that is not an encrypted name, without text that a
// tool for synchronising or copying has added at its end or in front of a dot: "… (1)",
// "….sync-conflict-20240101-120000-ABCDEFG", "… (conflicted copy)….ojU--". Of several readings only
// the right one decrypts to text. A name that was cut has none, as its packet's length shows, and
// neither has any other name.
std::vector<NameReading> read_lower_name(std::string_view name);

// The opposite of parse_encrypted_name(). At most wire::kMaxPacketLength - 9 bytes encrypted.
std::string encode_encrypted_name(const EncryptedName& name);

// Four characters of "-.0-9A-Za-z" for three bytes. Zeros fill the last three up.
std::string encode_name_bytes(base::ByteView bytes);
base::Result<std::vector<std::uint8_t>> decode_name_bytes(std::string_view text);

}  // namespace ecryptfs::lower
