// SPDX-License-Identifier: Apache-2.0
//
// Names of lower files that are encrypted: a prefix, and a Tag 70 packet in eCryptfs' own base 64
// (crypto.c: ecryptfs_encode_for_filename; keystore.c: ecryptfs_parse_tag_70_packet). So are the
// targets of symbolic links. Pure.

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

// kMalformed, with what and at which byte of the name or, behind the prefix, of the packet.
base::Result<EncryptedName> parse_encrypted_name(std::string_view name);

// A way to read a lower name.
struct NameReading {
    EncryptedName name;
    std::string added;  // what some tool put into the name; empty for a name as it was written
};

// How a lower name can be read: as it is or, if it is no encrypted name, without the text that a
// tool for synchronising or copying has put behind it or in front of one of its dots: "… (1)",
// "….sync-conflict-20240101-120000-ABCDEFG", "… (conflicted copy)….ojU--". The packet's length says
// where a name ends, so a name that was cut is not read. Several readings may be possible: only the
// right one decrypts to text. None for any other name.
std::vector<NameReading> read_lower_name(std::string_view name);

// What parse_encrypted_name() takes apart. At most wire::kMaxPacketLength - 9 bytes encrypted.
std::string encode_encrypted_name(const EncryptedName& name);

// Four characters of "-.0-9A-Za-z" for three bytes, of which the last may be filled up by zeros.
std::string encode_name_bytes(base::ByteView bytes);
base::Result<std::vector<std::uint8_t>> decode_name_bytes(std::string_view text);

}  // namespace ecryptfs::lower
