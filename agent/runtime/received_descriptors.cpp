// SPDX-License-Identifier: Apache-2.0
//
// Secrets come as descriptors over the user's bus, from other processes of the user. (The broker
// takes none from the system bus: session_watch.cpp.) sd-bus takes every descriptor that comes with
// a message, even those that its signature does not announce, and closes it in the loop. But a last
// close can wait; base::close_apart() says why. sd-bus has no option for that, so this program
// defines recvmsg() and close(), which its libraries then use too: recvmsg() marks each descriptor
// that it receives, and close() closes a marked one in a thread of its own.

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>

#include "lib/base/close_apart.h"

namespace ecryptfs::agent {
namespace {

// By number. A greater number is closed as any other; sd-bus has far fewer at a time.
std::array<std::atomic<bool>, 65'536> received{};

std::atomic<bool>* mark(int fd) {
    const auto number = static_cast<std::size_t>(fd);
    return fd >= 0 && number < received.size() ? &received.at(number) : nullptr;
}

void note_descriptors(msghdr& message) {
    for (auto* field = CMSG_FIRSTHDR(&message); field != nullptr;
         field = CMSG_NXTHDR(&message, field)) {
        if (field->cmsg_level != SOL_SOCKET || field->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        for (std::size_t at = CMSG_LEN(0); at + sizeof(int) <= field->cmsg_len; at += sizeof(int)) {
            int fd = -1;
            std::memcpy(&fd, reinterpret_cast<const char*>(field) + at, sizeof fd);
            if (auto* received_fd = mark(fd)) {
                *received_fd = true;
            }
        }
    }
}

}  // namespace

}  // namespace ecryptfs::agent

extern "C" {

__attribute__((visibility("default"))) ssize_t recvmsg(int socket, msghdr* message, int flags) {
    const auto size = ::syscall(SYS_recvmsg, socket, message, flags);
    if (size >= 0) {
        ecryptfs::agent::note_descriptors(*message);
    }
    return size;
}

__attribute__((visibility("default"))) int close(int fd) {
    auto* received_fd = ecryptfs::agent::mark(fd);
    if (received_fd != nullptr && received_fd->exchange(false)) {
        ecryptfs::base::close_apart(ecryptfs::base::UniqueFd(fd));
        return 0;
    }
    return static_cast<int>(::syscall(SYS_close, fd));
}
}
