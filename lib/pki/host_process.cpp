// SPDX-License-Identifier: Apache-2.0

#include "lib/pki/host_process.h"

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

// What a shell gives for a program that cannot be run.
constexpr int kExecFailed = 127;

// In the child, between fork and exec: nothing but system calls.
[[noreturn]] void become_host(const char* program, const char* module_path, HostTask task,
                              int socket, pid_t parent) {
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != parent ||
        ::dup2(socket, STDIN_FILENO) < 0) {
        ::_exit(kExecFailed);
    }
    ::execl(program, program, module_path,
            task == HostTask::kMakeKeys ? kMakeKeysArgument : nullptr, static_cast<char*>(nullptr));
    ::_exit(kExecFailed);
}

// fork() rather than posix_spawn(): that one waits until the child has read the program from disk,
// and the broker waits for nobody.
pid_t start_process(const std::string& program, const std::string& module_path, HostTask task,
                    int socket) {
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) {
        throw base::Failure(
            base::system_error(ErrorCode::kModuleFailed, "starting a PKI host", errno));
    }
    if (pid == 0) {
        become_host(program.c_str(), module_path.c_str(), task, socket, parent);
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

}  // namespace

HostProcess start_host(const HostPaths& paths, const std::string& module, HostTask task) {
    auto [ours, theirs] = make_socket_pair();
    const auto pid =
        start_process(paths.host_program, fmt::format("{}/{}.so", paths.module_folder, module),
                      task, theirs.get());
    return {pid, std::move(ours)};
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
