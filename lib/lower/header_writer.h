// SPDX-License-Identifier: Apache-2.0
//
// Makes the header of a lower file as the kernel writes it (crypto.c: ecryptfs_write_headers_virt;
// keystore.c: ecryptfs_generate_key_packet_set). Pure.

#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/lower/header.h"
#include "lib/lower/passphrase.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::lower {

// A way to the file key for a private key: a Tag 1 packet.
struct NewPublicKeyPacket {
    wire::KeySignature signature;
    base::ByteView encrypted_fek;  // what the public key made of file_key_to_encrypt()
};

// A way for a passphrase: a Tag 3 packet, and the Tag 11 that has its signature.
struct NewPassphrasePacket {
    wire::KeySignature signature;
    std::uint8_t cipher_code = 0;
    base::ByteView encrypted_fek;  // encrypt_file_key()
    Salt salt = kDefaultSalt;
};

using NewKeyPacket = std::variant<NewPublicKeyPacket, NewPassphrasePacket>;

struct NewHeader {
    std::uint64_t plain_size = 0;
    std::uint32_t marker = 0;  // at random
    std::uint32_t flags = 0;   // HeaderFlag
    std::uint64_t size_at_front = kLeastSizeAtFront;
    std::span<const NewKeyPacket> packets;  // in the order of the mount's keys
};

// The header's bytes up to the last packet's. An extended attribute has just these; in front of the
// contents, zeros follow up to `size_at_front`. kInvalidArgument for no packets, more than the
// kernel reads again, or sizes that it does not take.
base::Result<std::vector<std::uint8_t>> encode_header(const NewHeader& header);

// A packet of a header that exists, as its bytes are, or a new one.
using KeptOrNewPacket = std::variant<base::ByteView, NewKeyPacket>;

// The header in `bytes`, which parse_header() has read, with other packets. All in front of them
// stays as it is: size, marker, flags. Ends as encode_header()'s, and gives its errors.
base::Result<std::vector<std::uint8_t>> replace_packets(base::ByteView bytes, const Header& header,
                                                        std::span<const KeptOrNewPacket> packets);

// The first bytes of a header. Nothing else changes when the file grows or shrinks.
std::array<std::uint8_t, 8> encode_plain_size(std::uint64_t plain_size);

}  // namespace ecryptfs::lower
