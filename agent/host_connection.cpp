// SPDX-License-Identifier: Apache-2.0

#include "agent/host_connection.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace ecryptfs::agent {
namespace {

base::SecretBytes packet_buffer() {
    return base::value_or_throw(base::SecretBytes::create(pki::kMaxHostMessage));
}

}  // namespace

HostConnection::HostConnection(EventLoop& loop, HostConnectionUser& user,
                               const pki::HostPaths& paths, const std::string& module)
    : loop_(loop),
      user_(user),
      paths_(paths),
      incoming_(packet_buffer()),
      outgoing_(packet_buffer()) {
    auto process = pki::start_host(paths_, module, pki::HostTask::kUseKeys);
    pid_ = process.pid;
    socket_ = std::move(process.socket);
    readiness_ =
        loop_.on_io(socket_.get(), EPOLLIN, [this](std::uint32_t /*events*/) { readable(); });
    exit_ = loop_.on_child_exit(pid_, [this](int code, int status) { exited(code, status); });
}

bool HostConnection::send(const pki::ToHost& message) {
    const auto packet = pki::encode(message, outgoing_.span());
    if (ended_ || finishing_ || !packet) {
        return false;
    }
    const auto sent =
        ::send(socket_.get(), packet->data(), packet->size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    ::explicit_bzero(outgoing_.span().data(), packet->size());
    return sent >= 0;
}

void HostConnection::finish() {
    finishing_ = true;
    readiness_ = {};
    ::shutdown(socket_.get(), SHUT_WR);
}

void HostConnection::end() {
    if (std::exchange(ended_, true)) {
        return;
    }
    readiness_ = {};
    if (exit_) {
        ::kill(pid_, SIGKILL);
        exit_ = {};
        loop_.reap(pid_);
    }
}

void HostConnection::readable() {
    while (!ended_) {
        const auto size =
            ::recv(socket_.get(), incoming_.span().data(), incoming_.size(), MSG_DONTWAIT);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
            break;
        }
        if (size <= 0) {
            readiness_.stop();  // it is ending: exited() will tell how
            break;
        }
        const auto packet = incoming_.span().first(static_cast<std::size_t>(size));
        if (const auto message = pki::decode_from_host(packet)) {
            user_.message_arrived(*message);
        } else {
            user_.connection_lost(message.error());
        }
        ::explicit_bzero(packet.data(), packet.size());
    }
    if (!ended_) {
        user_.messages_read();
    }
}

void HostConnection::exited(int code, int status) {
    exit_ = {};  // sd-event reaps it when this handler is done
    if (finishing_) {
        return;
    }
    readable();  // its last words, which tell more than its end
    if (ended_) {
        return;
    }
    user_.connection_lost(pki::host_ended(paths_, code, status));
}

}  // namespace ecryptfs::agent
