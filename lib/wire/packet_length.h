// SPDX-License-Identifier: Apache-2.0
//
// The length fields of eCryptfs packets: OpenPGP's, of which the kernel knows the one-byte and the
// two-byte form (RFC 4880 section 4.2.2; keystore.c: ecryptfs_parse_packet_length).

#pragma once

#include <cstddef>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace ecryptfs::wire {

inline constexpr std::size_t kMaxPacketLength = 8383;

// Takes a length off the reader; kMalformed when there is none, or one of a form that the kernel
// does not know (first byte 224 or above).
base::Result<std::size_t> take_packet_length(base::ByteReader& reader);

// Appends `length` in the shortest form. Marks the writer as failed above kMaxPacketLength.
void put_packet_length(base::ByteWriter& writer, std::size_t length);

}  // namespace ecryptfs::wire
