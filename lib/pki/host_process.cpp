// SPDX-License-Identifier: Apache-2.0

#include "lib/pki/host_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace ecryptfs::pki {
namespace {

using base::Error;
using base::ErrorCode;

// A shell's exit status for a program that cannot be run.
constexpr int kExecFailed = 127;
constexpr char kSocket[] = "socket to a PKI host";
constexpr char kNull[] = "/dev/null";

// The broker's end and the host's.
struct SocketPair {
    base::UniqueFd ours;
    base::UniqueFd theirs;
};

// The child needs the standard numbers, which whoever started us may have left free. Throws if no
// descriptor is left: a failure in the child would look as if the host could not be run.
base::UniqueFd move_above_standard(base::UniqueFd fd, const char* what) {
    if (fd && fd.get() <= STDERR_FILENO) {
        fd = base::UniqueFd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    }
    if (!fd) {
        throw base::Failure(base::system_error(ErrorCode::kModuleFailed, what, errno));
    }
    return fd;
}

SocketPair make_socket_pair(int flags) {
    int sockets[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0, sockets) != 0) {
        throw base::Failure(base::system_error(ErrorCode::kModuleFailed, kSocket, errno));
    }
    base::UniqueFd ours(sockets[0]);
    return {std::move(ours), move_above_standard(base::UniqueFd(sockets[1]), kSocket)};
}

// Everything that the child needs, made before fork().
struct Start {
    const char* program;
    const char* module_path;
    const char* task;  // null if it is to use keys
    pid_t parent;
    int socket;
    int text;
    int nothing;  // /dev/null
};

// The host gets nothing else of ours: no descriptors, which whoever started us may have left open,
// no session, and so no terminal.
bool keep_only_channel(const Start& start) {
    return ::dup2(start.socket, STDIN_FILENO) >= 0 && ::dup2(start.nothing, STDOUT_FILENO) >= 0 &&
           ::dup2(start.text, STDERR_FILENO) >= 0 &&
           ::close_range(STDERR_FILENO + 1, ~0U, 0) == 0 && ::setsid() >= 0;
}

// In the child, between fork and exec: nothing but system calls.
[[noreturn]] void become_host(const Start& start) {
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != start.parent ||
        !keep_only_channel(start)) {
        ::_exit(kExecFailed);
    }
    ::execl(start.program, start.program, start.module_path, start.task,
            static_cast<char*>(nullptr));
    ::_exit(kExecFailed);
}

// fork() instead of posix_spawn(), which waits until the child has read the program from disk. The
// broker must not wait.
pid_t start_process(const Start& start) {
    const pid_t pid = ::fork();
    if (pid < 0) {
        throw base::Failure(
            base::system_error(ErrorCode::kModuleFailed, "starting a PKI host", errno));
    }
    if (pid == 0) {
        become_host(start);
    }
    return pid;
}

}  // namespace

HostProcess start_host(const HostPaths& paths, const std::string& module, HostTask task) {
    auto channel = make_socket_pair(0);
    auto text = make_socket_pair(SOCK_NONBLOCK);  // a module must not wait until somebody reads it
    const auto nothing =
        move_above_standard(base::UniqueFd(::open(kNull, O_RDWR | O_CLOEXEC)), kNull);
    const auto module_path = fmt::format("{}/{}.so", paths.module_folder, module);
    const pid_t pid = start_process({
        .program = paths.host_program.c_str(),
        .module_path = module_path.c_str(),
        .task = task == HostTask::kMakeKeys ? kMakeKeysArgument : nullptr,
        .parent = ::getpid(),
        .socket = channel.theirs.get(),
        .text = text.theirs.get(),
        .nothing = nothing.get(),
    });
    return {pid, std::move(channel.ours), std::move(text.ours)};
}

void kill_host(pid_t pid) {
    ::kill(pid, SIGKILL);
    ::kill(-pid, SIGKILL);
}

Error host_ended(const HostPaths& paths, int code, int status) {
    if (code == CLD_EXITED && status == kExecFailed) {
        return {ErrorCode::kModuleFailed, fmt::format("{} cannot be run", paths.host_program),
                "install the package ecryptfs-agent anew"};
    }
    const char* signal = ::sigabbrev_np(status);  // real-time signals have none
    const auto how = code == CLD_EXITED  ? fmt::format("exited with status {}", status)
                     : signal != nullptr ? fmt::format("was killed by SIG{}", signal)
                                         : fmt::format("was killed by signal {}", status);
    return {ErrorCode::kModuleFailed, fmt::format("the PKI host {}", how)};
}

}  // namespace ecryptfs::pki
