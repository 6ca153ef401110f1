// SPDX-License-Identifier: Apache-2.0

#include "agent/datagram.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>

#include "lib/base/handle.h"

namespace ecryptfs::agent {

bool send_datagram(std::string_view address, std::string_view payload) {
    sockaddr_un name{.sun_family = AF_UNIX, .sun_path = {}};
    if (address.empty() || address.size() >= sizeof(name.sun_path)) {
        return false;
    }
    std::ranges::copy(address, std::begin(name.sun_path));
    if (address.front() == '@') {
        name.sun_path[0] = '\0';
    }
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size());
    const base::UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    return socket && ::sendto(socket.get(), payload.data(), payload.size(), MSG_NOSIGNAL,
                              reinterpret_cast<const sockaddr*>(&name), size) >= 0;
}

void notify_service_manager(std::string_view state) {
    if (const char* address = ::secure_getenv("NOTIFY_SOCKET")) {
        send_datagram(address, state);
    }
}

}  // namespace ecryptfs::agent
