// SPDX-License-Identifier: Apache-2.0

#include "cli/mount/helper.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "cli/keyrings.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr char kHelper[] = ECRYPTFS_LIBEXECDIR "/ecryptfs-mount-helper";

// Between fork and exec: nothing but system calls. Away from the terminal, whose keys could stop a
// process of root's; with nothing of what the user had open, and no environment.
[[noreturn]] void become_helper(const char* user, int socket) {
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    ::signal(SIGCHLD, SIG_DFL);
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (::setsid() < 0 || ::dup2(socket, STDIN_FILENO) < 0 || ::dup2(null, STDOUT_FILENO) < 0 ||
        ::dup2(null, STDERR_FILENO) < 0 || ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0) {
        ::_exit(1);
    }
    std::array<const char*, 3> arguments = {kHelper, user, nullptr};
    std::array<char*, 1> environment = {nullptr};
    ::execve(kHelper, const_cast<char* const*>(arguments.data()), environment.data());
    ::_exit(1);
}

Error no_answer() {
    return {ErrorCode::kInternal, fmt::format("{} gives no answer", kHelper),
            "install the package ecryptfs-agent anew"};
}

// In a session keyring that the helper has as well.
Result<void> find_tokens(const Caller& caller, SessionTask task) {
    if (!is_root()) {
        return {};
    }
    const bool is_users = session_keyring_owner() == caller.id;
    // Keys are taken away from the user's own session keyring itself.
    return task == SessionTask::kUnmount && is_users ? Result<void>()
                                                     : start_session_keyring(is_users);
}

Result<void> send_request(int socket, base::ByteView packet, std::span<const int> descriptors) {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> control{};
    iovec part{const_cast<std::uint8_t*>(packet.data()), packet.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    auto* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
    return ::sendmsg(socket, &message, MSG_NOSIGNAL) < 0
               ? Result<void>(std::unexpected(no_answer()))
               : Result<void>();
}

}  // namespace

Result<MountHelper> MountHelper::start(uid_t user) {
    int sockets[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
        return std::unexpected(
            base::system_error(ErrorCode::kInternal, "socket to the mount helper", errno));
    }
    base::UniqueFd ours(sockets[0]);
    const base::UniqueFd theirs(sockets[1]);
    const auto argument = fmt::format("{}", user);
    const pid_t pid = ::fork();
    if (pid < 0) {
        return std::unexpected(
            base::system_error(ErrorCode::kInternal, "starting the mount helper", errno));
    }
    if (pid == 0) {
        become_helper(argument.c_str(), theirs.get());
    }
    return MountHelper(pid, std::move(ours));
}

MountHelper::MountHelper(MountHelper&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), socket_(std::move(other.socket_)) {}

MountHelper::~MountHelper() {
    socket_.reset();  // by which it ends
    if (pid_ != 0) {
        ::waitpid(pid_, nullptr, 0);
    }
}

Result<mount::Reply> MountHelper::ask(const mount::Request& request,
                                      std::span<const int> descriptors) {
    const auto packet = TRY(mount::encode_request(request));
    TRY(send_request(socket_.get(), packet, descriptors));
    std::array<std::uint8_t, mount::kMaxReply> reply{};
    ssize_t size = 0;
    do {
        size = ::recv(socket_.get(), reply.data(), reply.size(), 0);
    } while (size < 0 && errno == EINTR);
    if (size <= 0) {
        return std::unexpected(no_answer());
    }
    return mount::parse_reply(base::ByteView(reply).first(static_cast<std::size_t>(size)));
}

Result<MountSession> start_mount_session(const std::string& user, SessionTask task) {
    auto caller = TRY(find_caller(user));
    MountSession session{std::move(caller)};
    if (task != SessionTask::kPrint) {
        TRY(find_tokens(session.caller, task));
        if (is_root()) {
            auto helper = TRY(MountHelper::start(session.caller.id));
            session.helper.emplace(std::move(helper));
        }
    }
    TRY(become(session.caller));
    if (task == SessionTask::kPrint) {
        return session;
    }
    const auto reached = session.helper && task == SessionTask::kMount ? share_user_keyring()
                                                                       : possess_user_keyring();
    return reached ? Result<MountSession>(std::move(session)) : std::unexpected(reached.error());
}

}  // namespace ecryptfs::cli
