// SPDX-License-Identifier: Apache-2.0

#include "agent/device_guard.h"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <utility>

#include "agent/log.h"
#include "lib/base/error.h"

namespace ecryptfs::agent {
namespace {

using namespace std::chrono_literals;

// A request that is unread for half of the kernel's three seconds leaves the other half for the
// next process.
constexpr int kLooks = 15;
constexpr timespec kBetweenLooks{.tv_sec = 0, .tv_nsec = 100'000'000};
constexpr auto kRestartDelay = 1s;

bool has_request(int device) {
    pollfd waiting{device, POLLIN, 0};
    return ::poll(&waiting, 1, 0) == 1 && (waiting.revents & POLLIN) != 0;
}

// Once, rather than with each request: the broker is to be woken by those, not the guard.
void wait_for_request(int poller, int device) {
    epoll_event event{.events = EPOLLIN | EPOLLONESHOT, .data = {}};
    if (::epoll_ctl(poller, EPOLL_CTL_MOD, device, &event) != 0 && errno == ENOENT) {
        ::epoll_ctl(poller, EPOLL_CTL_ADD, device, &event);
    }
    ::epoll_wait(poller, &event, 1, -1);
}

// Pokes the broker at each look that finds it behind.
bool stays_unread(int device, int poke, const std::atomic<std::uint64_t>& frames_read) {
    const auto before = frames_read.load();
    for (int look = 0; look < kLooks; ++look) {
        ::nanosleep(&kBetweenLooks, nullptr);
        if (frames_read.load() != before || !has_request(device)) {
            return false;
        }
        ::eventfd_write(poke, 1);
    }
    return true;
}

// A fork of the broker, which has one thread, and system calls only: there is no need for a program
// of its own. The broker's secrets are not in it (SecretBytes, Handover: not for children).
[[noreturn]] void guard(pid_t broker, int device, int poke,
                        const std::atomic<std::uint64_t>& frames_read) {
    ::prctl(PR_SET_NAME, "ecryptfs-guard");
    const auto last = ~0U;
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != broker ||
        ::dup2(device, STDIN_FILENO) < 0 || ::dup2(poke, STDOUT_FILENO) < 0 ||
        ::close_range(STDERR_FILENO + 1, last, 0) != 0) {
        ::_exit(EXIT_FAILURE);
    }
    const int poller = ::epoll_create1(EPOLL_CLOEXEC);
    for (;;) {
        wait_for_request(poller, STDIN_FILENO);
        if (stays_unread(STDIN_FILENO, STDOUT_FILENO, frames_read)) {
            ::kill(broker, SIGKILL);
        }
    }
}

}  // namespace

DeviceGuard::DeviceGuard(EventLoop& loop, std::function<void()> look)
    : loop_(loop),
      look_(std::move(look)),
      poke_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      poked_(loop.on_io(poke_.get(), EPOLLIN,
                        [this](std::uint32_t /*events*/) {
                            eventfd_t count = 0;
                            ::eventfd_read(poke_.get(), &count);
                            look_();
                        })),
      retry_(loop.timer(100ms, [this] { start(); })) {
    void* shared = ::mmap(nullptr, sizeof(*frames_read_), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        throw base::Failure(
            base::system_error(base::ErrorCode::kInternal, "making shared memory", errno));
    }
    frames_read_ = new (shared) std::atomic<std::uint64_t>(0);
}

DeviceGuard::~DeviceGuard() {
    end();
    ::munmap(frames_read_, sizeof(*frames_read_));
}

void DeviceGuard::watch(int device) {
    device_ = device;
    start();
}

void DeviceGuard::start() {
    const pid_t broker = ::getpid();
    const pid_t pid = ::fork();
    if (pid == 0) {
        guard(broker, device_, poke_.get(), *frames_read_);
    }
    if (pid < 0) {
        log_line(Priority::kWarning, "cannot start the device's guard");
        retry_.run_after(kRestartDelay);
        return;
    }
    pid_ = pid;
    exit_ = loop_.on_child_exit(pid, [this](int /*code*/, int /*status*/) {
        pid_ = 0;
        exit_ = {};
        retry_.run_after(kRestartDelay);
    });
}

void DeviceGuard::end() {
    retry_.stop();
    exit_ = {};
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }
}

}  // namespace ecryptfs::agent
