// SPDX-License-Identifier: Apache-2.0

#include "lib/pki/host_socket.h"

#include <sys/socket.h>

#include <cerrno>

namespace ecryptfs::pki {

// A packet that we only peek at keeps its descriptors. MSG_CTRUNC says that there are some, as we
// give the kernel no room for them.
Received receive_packet(int socket, base::ByteSpan buffer, int flags) {
    iovec room{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_iov = &room;
    message.msg_iovlen = 1;
    const auto size = ::recvmsg(socket, &message, MSG_PEEK | flags);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
        return {Reception::kNothing, {}};
    }
    if (size <= 0) {
        return {Reception::kEnd, {}};
    }
    if ((message.msg_flags & MSG_CTRUNC) != 0) {
        return {Reception::kDescriptor, {}};
    }
    static_cast<void>(
        ::recv(socket, nullptr, 0, MSG_DONTWAIT));  // removes the packet that we peeked at
    return {Reception::kPacket, buffer.first(static_cast<std::size_t>(size))};
}

}  // namespace ecryptfs::pki
