// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdlib>
#include <vector>

namespace ecryptfs::test {

// A TCP socket whose last close waits, since nobody takes what was sent.
inline int lingering_socket() {
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* name = reinterpret_cast<sockaddr*>(&address);
    const linger patience{.l_onoff = 1, .l_linger = 3600};
    if (::bind(listener, name, size) != 0 || ::listen(listener, 1) != 0 ||
        ::getsockname(listener, name, &size) != 0 || ::connect(socket, name, size) != 0 ||
        ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &patience, sizeof patience) != 0) {
        std::abort();
    }
    const std::vector<char> much(1 << 20);
    while (::send(socket, much.data(), much.size(), MSG_DONTWAIT) > 0) {
    }
    return socket;
}

}  // namespace ecryptfs::test
