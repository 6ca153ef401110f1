// SPDX-License-Identifier: Apache-2.0

#include "mount-helper/request_socket.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace ecryptfs::mount_helper {
namespace {

constexpr std::size_t kMostDescriptors = 2;

void take_descriptors(msghdr& message, std::vector<base::UniqueFd>& descriptors) {
    for (auto* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        const auto count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
            descriptors.emplace_back(fd);
        }
    }
}

}  // namespace

std::optional<ReceivedRequest> receive_request(int socket) {
    std::array<std::uint8_t, mount::kMaxRequest> packet{};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(kMostDescriptors * sizeof(int))> control{};
    iovec part{packet.data(), packet.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t size = 0;
    do {
        size = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    } while (size < 0 && errno == EINTR);
    if (size <= 0) {
        return std::nullopt;
    }
    std::vector<base::UniqueFd> descriptors;
    take_descriptors(message, descriptors);
    auto request =
        mount::parse_request(base::ByteView(packet).first(static_cast<std::size_t>(size)));
    if (!request || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ||
        descriptors.size() != mount::descriptor_count(*request)) {
        return std::nullopt;
    }
    return ReceivedRequest{std::move(*request), std::move(descriptors)};
}

void send_reply(int socket, const mount::Reply& reply) {
    const auto packet = mount::encode_reply(reply);
    // Nobody may be left to read it.
    static_cast<void>(::send(socket, packet.data(), packet.size(), MSG_NOSIGNAL));
}

}  // namespace ecryptfs::mount_helper
