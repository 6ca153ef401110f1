// SPDX-License-Identifier: Apache-2.0
//
// ecryptfs-fuse in the foreground: as long as it serves, ecryptfsctl waits for it.

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <set>

#include "cli/mount/current_mounts.h"
#include "cli/mount/program.h"
#include "cli/mount/user_space.h"
#include "lib/base/handle.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using MountIds = std::set<std::uint64_t>;

Result<base::UniqueFd> opened(int fd, std::string_view what) {
    return fd >= 0 ? Result<base::UniqueFd>(fd)
                   : std::unexpected(base::system_error(ErrorCode::kInternal, what, errno));
}

// The signals that ask for the end come as something to read.
Result<base::UniqueFd> catch_signals() {
    sigset_t signals;
    ::sigemptyset(&signals);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        ::sigaddset(&signals, signal);
    }
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    return opened(::signalfd(-1, &signals, SFD_CLOEXEC), "a signalfd");
}

Result<MountIds> mount_ids(const std::string& upper) {
    const auto mounts = TRY(mounted_folders());
    MountIds ids;
    for (const auto& mount : mounts) {
        if (mount.way == MountWay::kUserSpace && mount.upper == upper) {
            ids.insert(mount.id);
        }
    }
    return ids;
}

// A program that serves a mount, and what happens to it.
class Server {
  public:
    static Result<Server> start(const UserSpaceMount& mount) {
        // Readable by POLLPRI when a mount comes or goes: proc(5).
        auto table = TRY(opened(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC), "mountinfo"));
        auto before = TRY(mount_ids(mount.upper));
        auto signals = TRY(catch_signals());
        const auto pid = TRY(start_program(fuse_command(mount, true), mount.input()));
        auto ended = opened(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)), "a pidfd");
        if (!ended) {
            ::kill(pid, SIGTERM);
            return std::unexpected(ended.error());
        }
        return Server(mount.upper, std::move(before), std::move(table), std::move(signals), pid,
                      std::move(*ended));
    }

    // Until it is mounted, or has ended.
    Result<bool> await_mount() {
        while (true) {
            const auto now = TRY(mount_ids(upper_));
            if (!std::ranges::includes(before_, now)) {
                return true;
            }
            if (await_event(POLLPRI)) {
                return false;
            }
        }
    }

    Result<void> await_end() {
        while (!await_event(0)) {
        }
        EndedProgram ended;
        while (::waitpid(pid_, &ended.status, 0) < 0 && errno == EINTR) {
        }
        if (ended.status == 0) {
            return {};
        }
        auto error = program_error("ecryptfs-fuse", ended);
        error.advice = error.advice.empty() ? "see what it says above" : error.advice;
        return std::unexpected(std::move(error));
    }

    void end() const { ::kill(pid_, SIGTERM); }

  private:
    Server(std::string upper, MountIds before, base::UniqueFd table, base::UniqueFd signals,
           pid_t pid, base::UniqueFd ended)
        : upper_(std::move(upper)),
          before_(std::move(before)),
          table_(std::move(table)),
          signals_(std::move(signals)),
          pid_(pid),
          ended_(std::move(ended)) {}

    // Whether it has ended. Passes a signal on.
    bool await_event(int table_events) {
        std::array<pollfd, 3> events = {
            pollfd{ended_.get(), POLLIN, 0}, pollfd{signals_.get(), POLLIN, 0},
            pollfd{table_events == 0 ? -1 : table_.get(), static_cast<short>(table_events), 0}};
        while (::poll(events.data(), events.size(), -1) < 0 && errno == EINTR) {
        }
        signalfd_siginfo signal{};
        if ((events[1].revents & POLLIN) != 0 &&
            ::read(signals_.get(), &signal, sizeof signal) == sizeof signal) {
            end();
        }
        return (events[0].revents & POLLIN) != 0;
    }

    std::string upper_;
    MountIds before_;
    base::UniqueFd table_;
    base::UniqueFd signals_;
    pid_t pid_;
    base::UniqueFd ended_;
};

}  // namespace

Result<void> serve_in_user_space(UserSpaceMount mount,
                                 const std::function<Result<void>()>& mounted) {
    auto server = TRY(Server::start(mount));
    const auto is_mounted = TRY(server.await_mount());
    mount.keys.reset();
    const auto told = is_mounted ? mounted() : Result<void>();
    if (!told) {
        server.end();
    }
    const auto ended = server.await_end();
    return told ? ended : told;
}

}  // namespace ecryptfs::cli
