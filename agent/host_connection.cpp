// SPDX-License-Identifier: Apache-2.0

#include "agent/host_connection.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace ecryptfs::agent {
namespace {

using base::Error;
using base::ErrorCode;

// What a shell gives for a program that cannot be run.
constexpr int kExecFailed = 127;

// In the child, between fork and exec: nothing but system calls.
[[noreturn]] void become_host(const char* program, const char* module_path, int socket,
                              pid_t parent) {
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent ||
        ::dup2(socket, STDIN_FILENO) < 0) {
        ::_exit(kExecFailed);
    }
    ::execl(program, program, module_path, static_cast<char*>(nullptr));
    ::_exit(kExecFailed);
}

// fork() rather than posix_spawn(): that one waits until the child has read the program from disk,
// and the broker waits for nobody.
pid_t start_process(const std::string& program, const std::string& module_path, int socket) {
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) {
        throw base::Failure(
            base::system_error(ErrorCode::kModuleFailed, "starting a PKI host", errno));
    }
    if (pid == 0) {
        become_host(program.c_str(), module_path.c_str(), socket, parent);
    }
    return pid;
}

std::pair<base::UniqueFd, base::UniqueFd> make_socket_pair() {
    int sockets[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
        throw base::Failure(
            base::system_error(ErrorCode::kModuleFailed, "socket to a PKI host", errno));
    }
    return {base::UniqueFd(sockets[0]), base::UniqueFd(sockets[1])};
}

base::SecretBytes packet_buffer() {
    return base::value_or_throw(base::SecretBytes::create(pki::kMaxHostMessage));
}

Error exit_error(const std::string& program, int code, int status) {
    if (code == CLD_EXITED && status == kExecFailed) {
        return {ErrorCode::kModuleFailed, fmt::format("{} cannot be run", program),
                "install the package ecryptfs-agent anew"};
    }
    const auto how = code == CLD_EXITED
                         ? fmt::format("exited with status {}", status)
                         : fmt::format("was killed by SIG{}", ::sigabbrev_np(status));
    return {ErrorCode::kModuleFailed, fmt::format("the PKI host {}", how)};
}

}  // namespace

HostConnection::HostConnection(EventLoop& loop, HostConnectionUser& user, const HostPaths& paths,
                               const std::string& module)
    : loop_(loop),
      user_(user),
      program_(paths.host_program),
      incoming_(packet_buffer()),
      outgoing_(packet_buffer()) {
    auto [ours, theirs] = make_socket_pair();
    pid_ =
        start_process(program_, fmt::format("{}/{}.so", paths.module_folder, module), theirs.get());
    socket_ = std::move(ours);
    readiness_ =
        loop_.on_io(socket_.get(), EPOLLIN, [this](std::uint32_t /*events*/) { readable(); });
    exit_ = loop_.on_child_exit(pid_, [this](int code, int status) { exited(code, status); });
}

bool HostConnection::send(const pki::ToHost& message) {
    const auto packet = pki::encode(message, outgoing_.span());
    if (ended_ || !packet) {
        return false;
    }
    const auto sent =
        ::send(socket_.get(), packet->data(), packet->size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    ::explicit_bzero(outgoing_.span().data(), packet->size());
    return sent >= 0;
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
    readable();  // its last words, which tell more than its end
    if (ended_) {
        return;
    }
    user_.connection_lost(exit_error(program_, code, status));
}

}  // namespace ecryptfs::agent
