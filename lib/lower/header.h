// SPDX-License-Identifier: Apache-2.0
//
// Reads the header of a lower file, which eCryptfs writes in front of the encrypted contents or
// into an extended attribute (docs/protocol.md section 6; crypto.c: ecryptfs_read_headers_virt;
// keystore.c: ecryptfs_parse_packet_set). Pure.

#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::lower {

// Contents are encrypted in extents of this many bytes, the last one filled up.
inline constexpr std::size_t kExtentSize = 4096;
// The kernel reads only so many bytes of a header.
inline constexpr std::size_t kMaxHeader = 4096;
// What the kernel writes in front of the contents, where a page is not larger
// (ECRYPTFS_MINIMUM_HEADER_EXTENT_SIZE).
inline constexpr std::uint64_t kLeastSizeAtFront = 8192;
// Further packets are not read. The kernel writes one for each key of the mount.
inline constexpr std::size_t kMaxKeyPackets = 128;
// The extended attribute with the header, where the mount has `ecryptfs_xattr_metadata`.
inline constexpr char kHeaderAttribute[] = "user.ecryptfs";

// Whether bytes begin with a size and eCryptfs' marker: any 32 bits, and these xor 0x3c81b7f5.
bool has_marker(base::ByteView bytes);

enum HeaderFlag : std::uint32_t {
    kHasHmac = 0x01,  // was never written
    kEncrypted = 0x02,
    kHeaderInAttribute = 0x04,
    kEncryptsNames = 0x08,
};

enum class PacketKind : std::uint8_t {
    kPublicKey,   // Tag 1
    kPassphrase,  // Tag 3, and the Tag 11 behind it that has the signature
};

// One way to the file key. Has views into the bytes that were parsed, and offsets in them.
struct KeyPacket {
    PacketKind kind = PacketKind::kPublicKey;
    std::size_t offset = 0;
    std::size_t size = 0;  // with tags and lengths
    wire::KeySignature signature;
    base::ByteView encrypted_fek = {};
    // The rest for passphrase packets only. A public-key packet has the cipher's code encrypted.
    std::uint8_t cipher_code = 0;
    base::ByteView salt = {};          // not used by the kernel: the token has it
    std::size_t signature_offset = 0;  // of the Tag 11
};

// Bytes in the place of a packet that cannot be used.
struct DamagedPacket {
    std::size_t offset = 0;                            // from the first byte of the header
    std::size_t size = 0;                              // up to where the next packet was found
    std::uint8_t tag = 0;                              // its first byte
    std::optional<wire::KeySignature> signature = {};  // if it can still be read
    base::Error error;                                 // what is wrong, and at which byte
};

struct Header {
    std::uint64_t plain_size = 0;  // bytes; what the file's owner sees
    std::uint8_t version = 0;
    std::uint32_t flags = 0;          // HeaderFlag
    std::uint64_t size_at_front = 0;  // bytes; data begins there, unless the header is elsewhere
    std::vector<KeyPacket> packets;   // each opens the file
    std::vector<DamagedPacket> damaged_packets;
    // The first fault among the packets, or that there are none.
    std::optional<base::Error> damage;
};

// kMalformed, with what is wrong and at which byte, for: no marker, a version above 3, a size that
// no file can have, a header size below the kernel's 8,192. A damaged packet is skipped, by its
// length or, if that cannot be right, up to where a sound packet begins. The kernel gives up there.
// Reads kMaxKeyPackets at most.
base::Result<Header> parse_header(base::ByteView bytes);

}  // namespace ecryptfs::lower
