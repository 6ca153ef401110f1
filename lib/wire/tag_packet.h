// SPDX-License-Identifier: Apache-2.0
//
// Packets inside device frames: requests of the kernel (Tag 64, Tag 66) and replies to them
// (Tag 65, Tag 67). keystore.c: write_tag_64_packet, parse_tag_65_packet, write_tag_66_packet,
// parse_tag_67_packet. There are functions for both sides, since tests play the kernel.
//
// A Tag 66 in, and a Tag 65 out, hold a file key in the clear: keep them in SecretBytes.

#pragma once

#include <cstdint>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/file_key_operation.h"
#include "lib/wire/key_signature.h"

namespace ecryptfs::wire {

inline constexpr std::size_t kMaxFek = 64;
inline constexpr std::size_t kMaxFileKey = 1 + kMaxFek + 2;  // cipher code, FEK, checksum
inline constexpr std::size_t kMaxEncryptedFek = 512;

// A request's packet; `data` is a view into the bytes it was parsed from. Tag 64 asks to decrypt:
// `data` is the encrypted FEK. Tag 66 asks to encrypt: `data` is cipher code, FEK, checksum.
struct RequestPacket {
    base::FileKeyOperation operation = base::FileKeyOperation::kDecrypt;
    KeySignature signature;
    base::ByteView data;
};

// kMalformed, with what and at which byte, for: another tag, a length that does not fit, a
// signature that is not 16 hexadecimal digits, empty or oversized data, bytes left over. A Tag 66's
// checksum is not judged here.
base::Result<RequestPacket> parse_request_packet(base::ByteView packet);

// Writes a Tag 64 or 66 into `buffer`; gives the part written.
base::Result<base::ByteView> encode_request_packet(const RequestPacket& request,
                                                   base::ByteSpan buffer);

// An answer. `status` zero is success, and `data` then what the operation gave: for kDecrypt (Tag
// 65) cipher code, FEK and checksum, for kEncrypt (Tag 67) the encrypted FEK. Otherwise `data` is
// empty.
struct ReplyPacket {
    base::FileKeyOperation operation = base::FileKeyOperation::kDecrypt;
    std::uint8_t status = 0;
    base::ByteView data;
};

// Writes a Tag 65 or 67 into `buffer`; gives the part written. At least four bytes long, which is
// the least that the kernel reads a status from.
base::Result<base::ByteView> encode_reply_packet(const ReplyPacket& reply, base::ByteSpan buffer);

base::Result<ReplyPacket> parse_reply_packet(base::ByteView packet);

// Whether `file_key` (cipher code, FEK, checksum) is of a size a FEK can have and its checksum, the
// sum of the FEK's bytes, is right: tells a key decrypted by the right private key from noise.
bool has_valid_checksum(base::ByteView file_key);

}  // namespace ecryptfs::wire
