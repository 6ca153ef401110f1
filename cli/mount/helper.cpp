// SPDX-License-Identifier: Apache-2.0

#include "cli/mount/helper.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "lib/base/try.h"
#include "lib/keyring/keyrings.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

constexpr char kHelper[] = ECRYPTFS_LIBEXECDIR "/ecryptfs-mount-helper";

// What posix_spawn() is told. Away from the terminal, whose keys could stop a process of root's,
// with nothing of what the user had open, and no signal ignored or blocked.
class SpawnPlan {
  public:
    explicit SpawnPlan(int socket) {
        ::posix_spawn_file_actions_init(&actions_);
        ::posix_spawnattr_init(&attributes_);
        sigset_t all;
        ::sigfillset(&all);
        sigset_t none;
        ::sigemptyset(&none);
        add(::posix_spawnattr_setsigmask(&attributes_, &none));
        add(::posix_spawnattr_setsigdefault(&attributes_, &all));
        add(::posix_spawnattr_setflags(
            &attributes_, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
        add(::posix_spawn_file_actions_adddup2(&actions_, socket, STDIN_FILENO));
        for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
            add(::posix_spawn_file_actions_addopen(&actions_, fd, "/dev/null", O_RDWR, 0));
        }
        add(::posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1));
    }
    SpawnPlan(const SpawnPlan&) = delete;
    SpawnPlan& operator=(const SpawnPlan&) = delete;
    ~SpawnPlan() {
        ::posix_spawn_file_actions_destroy(&actions_);
        ::posix_spawnattr_destroy(&attributes_);
    }

    // Without an environment. Gives 0, or the errno of what did not work, in the child as well.
    int start(pid_t& pid, const char* program, const char* argument) const {
        std::array<const char*, 3> arguments = {program, argument, nullptr};
        std::array<char*, 1> environment = {nullptr};
        return failure_ != 0
                   ? failure_
                   : ::posix_spawn(&pid, program, &actions_, &attributes_,
                                   const_cast<char* const*>(arguments.data()), environment.data());
    }

  private:
    void add(int result) { failure_ = failure_ == 0 ? result : failure_; }

    posix_spawn_file_actions_t actions_{};
    posix_spawnattr_t attributes_{};
    int failure_ = 0;
};

Error not_started(const char* program, int error_number) {
    const bool is_broken =
        error_number == ENOENT || error_number == EACCES || error_number == ENOEXEC;
    return base::system_error(ErrorCode::kInternal, fmt::format("starting {}", program),
                              error_number, is_broken ? kInstallAdvice : "");
}

// `status` is waitpid()'s.
Error ended(const std::string& program, int status) {
    if (!WIFSIGNALED(status)) {
        return {ErrorCode::kInternal,
                fmt::format("{} exited with status {} before it answered", program,
                            WEXITSTATUS(status)),
                kInstallAdvice};
    }
    const char* signal = ::sigabbrev_np(WTERMSIG(status));  // real-time signals have none
    return {ErrorCode::kInternal,
            fmt::format("{} was killed by signal {} before it answered", program,
                        signal == nullptr ? std::to_string(WTERMSIG(status)) : signal),
            "see the kernel's log for why: journalctl --dmesg"};
}

// In a session keyring that the helper has as well.
Result<void> find_tokens(const Caller& caller, SessionTask task) {
    if (!is_root()) {
        return {};
    }
    const bool is_users = keyring::session_keyring_owner() == caller.id;
    // Keys are taken away from the user's own session keyring itself.
    return task == SessionTask::kUnmount && is_users ? Result<void>()
                                                     : keyring::start_session_keyring(is_users);
}

// False, and errno says why.
bool send_request(int socket, base::ByteView packet, std::span<const int> descriptors) {
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
    return ::sendmsg(socket, &message, MSG_NOSIGNAL) >= 0;
}

}  // namespace

Result<MountHelper> MountHelper::start(uid_t user, const char* program) {
    int sockets[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
        return std::unexpected(
            base::system_error(ErrorCode::kInternal, "socket to the mount helper", errno));
    }
    base::UniqueFd ours(sockets[0]);
    const base::UniqueFd theirs(sockets[1]);
    const auto argument = fmt::format("{}", user);
    pid_t pid = 0;
    if (const int failure = SpawnPlan(theirs.get()).start(pid, program, argument.c_str())) {
        return std::unexpected(not_started(program, failure));
    }
    return MountHelper(pid, std::move(ours), program);
}

MountHelper::MountHelper(MountHelper&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      socket_(std::move(other.socket_)),
      program_(std::move(other.program_)) {}

MountHelper::~MountHelper() {
    socket_.reset();  // by which it ends
    if (pid_ != 0) {
        ::waitpid(pid_, nullptr, 0);
    }
}

// Why not: it has ended, or `error_number` says.
Error MountHelper::no_answer(int error_number) {
    if (error_number != EPIPE && error_number != ECONNRESET) {
        return base::system_error(ErrorCode::kInternal, fmt::format("asking {}", program_),
                                  error_number);
    }
    socket_.reset();
    int status = 0;
    ::waitpid(std::exchange(pid_, 0), &status, 0);
    return ended(program_, status);
}

Result<mount::Reply> MountHelper::ask(const mount::Request& request,
                                      std::span<const int> descriptors) {
    const auto packet = TRY(mount::encode_request(request));
    if (!send_request(socket_.get(), packet, descriptors)) {
        return std::unexpected(no_answer(errno));
    }
    std::array<std::uint8_t, mount::kMaxReply> reply{};
    ssize_t size = 0;
    do {
        size = ::recv(socket_.get(), reply.data(), reply.size(), 0);
    } while (size < 0 && errno == EINTR);
    if (size <= 0) {
        return std::unexpected(no_answer(size == 0 ? ECONNRESET : errno));
    }
    return mount::parse_reply(base::ByteView(reply).first(static_cast<std::size_t>(size)));
}

namespace {

Result<void> start_helper(MountSession& session, SessionTask task) {
    if (!is_root() || task == SessionTask::kMountInUserSpace) {
        return {};
    }
    auto helper = MountHelper::start(session.caller.id, kHelper);
    if (helper) {
        session.helper.emplace(std::move(*helper));
    } else if (task == SessionTask::kUnmount) {
        session.no_helper = helper.error();  // a mount in user space needs none
    } else {
        return std::unexpected(helper.error());
    }
    return {};
}

}  // namespace

Result<MountSession> start_mount_session(const std::optional<std::string>& user, SessionTask task) {
    auto caller = TRY(find_caller(user));
    MountSession session{std::move(caller)};
    if (task != SessionTask::kPrint) {
        TRY(find_tokens(session.caller, task));
        TRY(start_helper(session, task));
    }
    TRY(become(session.caller));
    if (task == SessionTask::kPrint) {
        return session;
    }
    if (task == SessionTask::kMountInUserSpace) {
        // ecryptfs-fuse searches it; without, it says itself which key it does not find.
        static_cast<void>(keyring::link_user_keyring_to_session());
    }
    const auto reached = session.helper && task == SessionTask::kMountByKernel
                             ? keyring::link_user_keyring_to_session()
                             : keyring::link_user_keyring_to_process();
    return reached ? Result<MountSession>(std::move(session)) : std::unexpected(reached.error());
}

}  // namespace ecryptfs::cli
