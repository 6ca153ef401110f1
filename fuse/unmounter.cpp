// SPDX-License-Identifier: Apache-2.0

#include "fuse/unmounter.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdint>
#include <cstdlib>

#include "lib/base/file_io.h"
#include "lib/base/process.h"

namespace ecryptfs::fuse {
namespace {

using base::Result;
using base::UniqueFd;

constexpr char kName[] = "ecryptfs-umount";

// Nobody serves what is mounted there. Asked in a way that the kernel has no answer to by itself.
bool is_abandoned(const std::string& upper) {
    struct statfs status{};
    return ::statfs(upper.c_str(), &status) != 0 && (errno == ENOTCONN || errno == ECONNABORTED);
}

void unmount(const std::string& upper) {
    if (::geteuid() == 0) {
        ::umount2(upper.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
        return;
    }
    for (const char* program : {"/usr/bin/fusermount3", "/bin/fusermount3"}) {
        ::execl(program, "fusermount3", "-u", "-z", "-q", "--", upper.c_str(), nullptr);
    }
}

[[noreturn]] void run(const UniqueFd& line, const std::string& upper) {
    ::prctl(PR_SET_NAME, kName);
    for (const int signal : {SIGHUP, SIGINT, SIGTERM}) {
        ::signal(signal, SIG_IGN);  // they are for the other process
    }
    ::setsid();
    // Whoever waits for the end of its output does not wait for this process.
    if (const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC)); null) {
        for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
            ::dup2(null.get(), standard);
        }
    }
    static_cast<void>(::chdir("/"));
    base::close_other_descriptors({line.get()});
    std::array<std::uint8_t, 1> nothing;
    static_cast<void>(base::read_all(line.get(), nothing));
    if (is_abandoned(upper)) {
        unmount(upper);
    }
    std::_Exit(EXIT_SUCCESS);
}

}  // namespace

Result<Unmounter> Unmounter::start(const std::string& upper) {
    std::array<char, PATH_MAX> path{};
    if (::realpath(upper.c_str(), path.data()) == nullptr) {
        return std::unexpected(base::system_error(upper, errno));
    }
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return std::unexpected(base::system_error("a pipe", errno));
    }
    UniqueFd reading(ends[0]);
    UniqueFd writing(ends[1]);
    const pid_t child = ::fork();
    if (child < 0) {
        return std::unexpected(base::system_error("starting the process that unmounts", errno));
    }
    if (child == 0) {
        writing.reset();
        run(reading, path.data());
    }
    return Unmounter(std::move(writing), child);
}

Unmounter::~Unmounter() {
    if (line_) {
        line_.reset();
        while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
        }
    }
}

}  // namespace ecryptfs::fuse
