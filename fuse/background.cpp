// SPDX-License-Identifier: Apache-2.0

#include "fuse/background.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>

#include "lib/base/file_io.h"

namespace ecryptfs::fuse {
namespace {

using base::Result;
using base::UniqueFd;

[[noreturn]] void wait_for_child(pid_t child, const UniqueFd& ready) {
    std::array<std::uint8_t, 1> byte;
    if (base::read_all(ready.get(), byte).value_or(0) == 1) {
        std::_Exit(EXIT_SUCCESS);
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    std::_Exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE);
}

}  // namespace

void leave_terminal() {
    ::setsid();
    if (const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC)); null) {
        for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
            ::dup2(null.get(), standard);
        }
    }
}

Result<Background> Background::start(bool foreground) {
    if (foreground) {
        return Background(UniqueFd());
    }
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return std::unexpected(base::system_error("a pipe", errno));
    }
    UniqueFd reading(ends[0]);
    UniqueFd writing(ends[1]);
    const pid_t child = ::fork();
    if (child < 0) {
        return std::unexpected(base::system_error("starting in the background", errno));
    }
    if (child > 0) {
        writing.reset();
        wait_for_child(child, reading);
    }
    return Background(std::move(writing));
}

void Background::ready() {
    if (!parent_) {
        return;
    }
    leave_terminal();
    static_cast<void>(::chdir("/"));
    constexpr std::array<std::uint8_t, 1> kReady{1};
    static_cast<void>(base::write_all(parent_.get(), kReady));
    parent_.reset();
}

}  // namespace ecryptfs::fuse
