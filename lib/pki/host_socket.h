// SPDX-License-Identifier: Apache-2.0
//
// Our end of a socket to a host. The other end may send descriptors along, and closing one may take
// long: see base::close_apart().

#pragma once

#include "lib/base/bytes.h"

namespace ecryptfs::pki {

enum class Reception {
    kPacket,      // `packet` holds it, cut to the buffer's size
    kNothing,     // no packet yet
    kEnd,         // the other end is closed
    kDescriptor,  // one came with the next packet and stays in the socket: base::close_apart() it
};

struct Received {
    Reception outcome;
    base::ByteSpan packet;
};

// Takes the next packet off a SEQPACKET socket, but no descriptor. `flags` of recv(2):
// MSG_DONTWAIT.
Received receive_packet(int socket, base::ByteSpan buffer, int flags);

}  // namespace ecryptfs::pki
