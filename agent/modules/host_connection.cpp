// SPDX-License-Identifier: Apache-2.0

#include "agent/modules/host_connection.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <utility>

#include "lib/base/close_apart.h"
#include "lib/pki/host_socket.h"

namespace ecryptfs::agent {
namespace {

using base::ErrorCode;

// The rest waits for the loop's next turn, so that other events come in between.
constexpr int kMessagesATurn = 64;
constexpr int kTextsATurn = 8;
constexpr std::size_t kMaxText = 512;

base::SecretBytes packet_buffer() {
    return base::value_or_throw(base::SecretBytes::create(pki::kMaxHostMessage));
}

}  // namespace

HostConnection::HostConnection(EventLoop& loop, HostListener& listener, const pki::HostPaths& paths,
                               const std::string& module)
    : loop_(loop),
      listener_(listener),
      paths_(paths),
      incoming_(packet_buffer()),
      outgoing_(packet_buffer()) {
    auto process = pki::start_host(paths_, module, pki::HostTask::kUseKeys);
    pid_ = process.pid;
    socket_ = std::move(process.socket);
    text_ = std::move(process.text);
    readiness_ =
        loop_.on_io(socket_.get(), EPOLLIN, [this](std::uint32_t /*events*/) { read_messages(); });
    text_readiness_ =
        loop_.on_io(text_.get(), EPOLLIN, [this](std::uint32_t /*events*/) { read_text(); });
    exit_ = loop_.on_child_exit(pid_, [this](int code, int status) { exited(code, status); });
}

HostConnection::~HostConnection() {
    end();
    close_text();
    base::close_apart(std::move(socket_));
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
    text_readiness_ = {};
    if (exit_) {
        pki::kill_host(pid_);
        exit_ = {};
        loop_.reap(pid_);
    }
}

// False if there is no message now, or never again.
bool HostConnection::read_message() {
    const auto [outcome, packet] =
        pki::receive_packet(socket_.get(), incoming_.span(), MSG_DONTWAIT);
    if (outcome == pki::Reception::kEnd) {
        readiness_.stop();  // it is ending: exited() says how
    } else if (outcome == pki::Reception::kDescriptor) {
        listener_.connection_lost(
            {ErrorCode::kModuleFailed, "the PKI host passed on a descriptor"});
    }
    if (outcome != pki::Reception::kPacket) {
        return false;
    }
    if (const auto message = pki::decode_from_host(packet)) {
        listener_.message_arrived(*message);
    } else {
        listener_.connection_lost(message.error());
    }
    ::explicit_bzero(packet.data(), packet.size());
    return true;
}

void HostConnection::read_messages() {
    for (int left = kMessagesATurn; left > 0 && !ended_ && read_message(); --left) {
    }
    if (!ended_) {
        listener_.messages_read();
    }
}

void HostConnection::read_text() {
    std::array<std::uint8_t, kMaxText> buffer{};
    for (int left = kTextsATurn; left > 0 && text_; --left) {
        const auto [outcome, packet] = pki::receive_packet(text_.get(), buffer, MSG_DONTWAIT);
        if (outcome == pki::Reception::kNothing) {
            return;
        }
        if (outcome == pki::Reception::kPacket) {
            listener_.text_arrived(base::as_text(packet));
        } else {
            close_text();
        }
    }
}

void HostConnection::close_text() {
    text_readiness_ = {};
    base::close_apart(std::move(text_));
}

void HostConnection::exited(int code, int status) {
    exit_ = {};            // sd-event reaps it when this handler is done
    pki::kill_host(pid_);  // and the programs that it left behind
    read_text();
    if (finishing_) {
        return;
    }
    read_messages();  // its last messages tell more than its end
    if (ended_) {
        return;
    }
    listener_.connection_lost(pki::host_ended(paths_, code, status));
}

ProcessLauncher::ProcessLauncher(EventLoop& loop, pki::HostPaths paths)
    : loop_(loop), paths_(std::move(paths)) {}

base::Result<std::unique_ptr<RunningHost>> ProcessLauncher::start(HostListener& listener,
                                                                  const wire::PkiType& module) {
    try {
        return std::make_unique<HostConnection>(loop_, listener, paths_, module.text());
    } catch (const base::Failure& failure) {
        return std::unexpected(failure.error());
    }
}

}  // namespace ecryptfs::agent
