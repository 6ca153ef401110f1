// SPDX-License-Identifier: Apache-2.0

#include "agent/bus/sleep_delay.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <utility>

#include "agent/runtime/log.h"
#include "lib/base/error.h"
#include "lib/base/process.h"

namespace ecryptfs::agent {
namespace {

using namespace std::chrono_literals;

constexpr auto kRestartDelay = 1s;

// In parentheses like the guard's name: see guard_process.cpp.
constexpr char kName[] = "(ecrypt-sleep)";

// Waits for logind. None if it refuses.
base::UniqueFd fetch_inhibitor() {
    sd_bus* bus = nullptr;
    sd_bus_message* reply = nullptr;
    int fd = -1;
    base::UniqueFd inhibitor;
    if (::sd_bus_open_system(&bus) >= 0 &&
        ::sd_bus_call_method(bus, "org.freedesktop.login1", "/org/freedesktop/login1",
                             "org.freedesktop.login1.Manager", "Inhibit", nullptr, &reply, "ssss",
                             "sleep", "eCryptfs key agent", "locks the keys", "delay") >= 0 &&
        ::sd_bus_message_read(reply, "h", &fd) > 0) {
        inhibitor.reset(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    }
    ::sd_bus_message_unref(reply);
    ::sd_bus_close_unref(bus);  // from now on nobody can send us anything
    return inhibitor;
}

// What the process does: a fork of the broker, like the guard.
[[noreturn]] void keep_inhibitor(int line_to_broker) {
    ::prctl(PR_SET_NAME, kName);
    if (!base::close_other_descriptors({line_to_broker})) {
        ::_exit(EXIT_FAILURE);  // else it would hold the device
    }
    auto inhibitor = fetch_inhibitor();
    if (!inhibitor) {
        ::_exit(EXIT_FAILURE);
    }
    pollfd broker{.fd = line_to_broker, .events = 0, .revents = 0};
    while (::poll(&broker, 1, /*for ever*/ -1) != 1) {
    }
    inhibitor.reset();  // first: exit may take long if somebody sent us files
    ::_exit(EXIT_SUCCESS);
}

}  // namespace

SleepDelay::SleepDelay(EventLoop& loop)
    : loop_(loop), retry_(loop.timer(100ms, [this] { start(); })) {}

void SleepDelay::start() {
    forget_process();
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        retry_.run_after(kRestartDelay);
        return;
    }
    const base::UniqueFd line_to_broker(ends[0]);
    life_line_.reset(ends[1]);
    const pid_t pid = ::fork();
    if (pid == 0) {
        keep_inhibitor(line_to_broker.get());
    }
    if (pid < 0) {
        life_line_.reset();
        retry_.run_after(kRestartDelay);
        return;
    }
    try {
        exit_ = loop_.on_child_exit(pid, [this](int code, int /*status*/) { process_ended(code); });
        pid_ = pid;
    } catch (const base::Failure& failure) {
        log_line(Priority::kWarning, failure.error().message);
        life_line_.reset();
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
        retry_.run_after(kRestartDelay);
    }
}

void SleepDelay::process_ended(int code) {
    pid_ = 0;
    exit_ = {};
    life_line_.reset();
    if (code != CLD_EXITED) {
        retry_.run_after(kRestartDelay);  // somebody killed it
        return;
    }
    log_line(Priority::kNotice,
             "logind refused to delay suspend: the machine may sleep before all keys are locked");
}

base::UniqueFd SleepDelay::release_delay() {
    auto line = std::move(life_line_);
    forget_process();
    return line;
}

// The process ends by itself when its line is closed.
void SleepDelay::forget_process() {
    retry_.stop();
    exit_ = {};
    life_line_.reset();
    if (pid_ > 0) {
        loop_.reap(std::exchange(pid_, 0));
    }
}

}  // namespace ecryptfs::agent
