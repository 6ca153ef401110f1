// SPDX-License-Identifier: Apache-2.0

#include "agent/runtime/datagram.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "lib/base/handle.h"

namespace ecryptfs::agent {
namespace {

// Room for one descriptor in a message's control data.
struct DescriptorField {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> bytes{};

    void attach_descriptor(msghdr& message, int descriptor) {
        message.msg_control = bytes.data();
        message.msg_controllen = bytes.size();
        auto* field = CMSG_FIRSTHDR(&message);
        field->cmsg_level = SOL_SOCKET;
        field->cmsg_type = SCM_RIGHTS;
        field->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(field), &descriptor, sizeof(int));
    }
};

}  // namespace

bool send_datagram(std::string_view address, std::string_view payload, int descriptor) {
    sockaddr_un name{.sun_family = AF_UNIX, .sun_path = {}};
    if (address.empty() || address.size() >= sizeof(name.sun_path)) {
        return false;
    }
    std::ranges::copy(address, std::begin(name.sun_path));
    if (address.front() == '@') {
        name.sun_path[0] = '\0';
    }
    iovec content{const_cast<char*>(payload.data()), payload.size()};
    msghdr message{};
    message.msg_name = &name;
    message.msg_namelen = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size());
    message.msg_iov = &content;
    message.msg_iovlen = 1;
    DescriptorField field;
    if (descriptor >= 0) {
        field.attach_descriptor(message, descriptor);
    }
    const base::UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    return socket && ::sendmsg(socket.get(), &message, MSG_NOSIGNAL) >= 0;
}

bool notify_service_manager(std::string_view state, int descriptor) {
    const char* address = ::secure_getenv("NOTIFY_SOCKET");
    return address == nullptr || send_datagram(address, state, descriptor);
}

}  // namespace ecryptfs::agent
