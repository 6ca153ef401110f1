// SPDX-License-Identifier: Apache-2.0
//
// The starter's end of a socket to a host. Whoever has the other end may send descriptors along,
// and to drop one may take as long as its last close: that of a TCP socket with SO_LINGER and
// unsent data waits as long as its owner likes, with the thread that dropped it.

#pragma once

#include "lib/base/bytes.h"
#include "lib/base/handle.h"

namespace ecryptfs::pki {

enum class Reception {
    kPacket,      // `packet` holds it, cut to the buffer's size
    kNothing,     // for now
    kEnd,         // nobody will send any more
    kDescriptor,  // came with the next packet, and stays in the socket: hand that to close_apart()
};

struct Received {
    Reception outcome;
    base::ByteSpan packet;
};

// Takes the next packet off a SEQPACKET socket, but no descriptor. `flags` of recv(2):
// MSG_DONTWAIT.
Received receive_packet(int socket, base::ByteSpan buffer, int flags);

// Closes the socket in a thread that nobody waits for, as descriptors may be left in it.
void close_apart(base::UniqueFd socket) noexcept;

}  // namespace ecryptfs::pki
