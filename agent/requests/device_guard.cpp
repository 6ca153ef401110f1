// SPDX-License-Identifier: Apache-2.0

#include "agent/requests/device_guard.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "agent/requests/guard_process.h"
#include "agent/runtime/log.h"
#include "lib/base/error.h"

namespace ecryptfs::agent {
namespace {

using namespace std::chrono_literals;

constexpr auto kRestartDelay = 1s;

[[noreturn]] void fail(const char* what) {
    throw base::Failure(base::system_error(base::ErrorCode::kInternal, what, errno));
}

}  // namespace

DeviceGuard::DeviceGuard(EventLoop& loop, DescriptorStore& store, int memory,
                         std::function<void()> look)
    : loop_(loop),
      store_(store),
      memory_(memory),
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
        fail("making shared memory");
    }
    frames_read_ = new (shared) std::atomic<std::uint64_t>(0);

    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        fail("preparing the device's guard");
    }
    line_to_guard_.reset(ends[0]);
    life_line_.reset(ends[1]);
}

DeviceGuard::~DeviceGuard() {
    ::munmap(frames_read_, sizeof(*frames_read_));
}

void DeviceGuard::watch(int device) {
    device_ = device;
    store_.remove(kLifeLineName);  // of the last process's guard
    store_.put(kLifeLineName, life_line_.get());
    start();
}

void DeviceGuard::start() {
    const pid_t broker = ::getpid();
    const pid_t pid = ::fork();
    if (pid == 0) {
        run_guard({.broker = broker,
                   .device = device_,
                   .memory = memory_,
                   .poke = poke_.get(),
                   .life_line = line_to_guard_.get(),
                   .frames_read = *frames_read_});
    }
    if (pid < 0) {
        log_line(Priority::kWarning, "cannot start the device's guard");
        retry_.run_after(kRestartDelay);
        return;
    }
    pid_ = pid;
    try {
        exit_ = loop_.on_child_exit(pid, [this](int /*code*/, int /*status*/) {
            log_line(Priority::kWarning, "the device's guard has ended: starting another");
            pid_ = 0;
            exit_ = {};
            retry_.run_after(kRestartDelay);
        });
    } catch (const base::Failure& failure) {
        log_line(Priority::kWarning, failure.error().message);
        kill();
        retry_.run_after(kRestartDelay);
    }
}

void DeviceGuard::kill() {
    exit_ = {};
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }
}

void DeviceGuard::end() {
    store_.remove(kLifeLineName);
    retry_.stop();
    kill();
}

}  // namespace ecryptfs::agent
