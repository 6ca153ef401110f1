// SPDX-License-Identifier: Apache-2.0

#include "lib/pki/client/live_hosts.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <ctime>

#include "lib/pki/host_process.h"

namespace ecryptfs::pki {
namespace {

// A TPM flushes its keys within milliseconds, but may have to finish a command first.
constexpr long kTimeForHostsToEnd = 5'000;  // milliseconds

// A signal handler reads it. `host` is set last, and says that the place is taken.
struct LiveHost {
    std::atomic<pid_t> host = 0;
    std::atomic<int> socket = -1;
};
constexpr std::size_t kMostHosts = 64;
std::array<LiveHost, kMostHosts> live_hosts;
std::atomic<bool> is_ending = false;

long milliseconds_now() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

// Whether the host ends in time: it keeps its end of the socket open until then.
bool wait_for_end(int socket, long deadline) {
    pollfd end{socket, 0, 0};  // hanging up is always reported
    int ready = 0;
    do {
        const long left = std::max(deadline - milliseconds_now(), 0L);
        ready = ::poll(&end, 1, static_cast<int>(left));
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

// The host reads an end of file next.
void tell_to_end(int socket) {
    ::shutdown(socket, SHUT_WR);
}

void handle_fatal_signal(int signal) {
    if (!is_ending.exchange(true)) {
        end_live_hosts();
    }
    ::signal(signal, SIG_DFL);
    ::raise(signal);
}

void install_signal_handlers() {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) {
        struct sigaction before{};
        if (::sigaction(signal, nullptr, &before) != 0 || before.sa_handler != SIG_DFL) {
            continue;  // ignored or handled already
        }
        struct sigaction ours{};
        ours.sa_handler = handle_fatal_signal;
        ours.sa_flags = SA_NODEFER;
        ::sigaction(signal, &ours, nullptr);
    }
}

}  // namespace

void add_live_host(pid_t host, int socket) {
    static const bool handled = (install_signal_handlers(), true);
    static_cast<void>(handled);
    const auto free =
        std::ranges::find_if(live_hosts, [](const auto& place) { return place.host == 0; });
    if (free != live_hosts.end()) {
        free->socket = socket;
        free->host = host;
    }
}

void remove_live_host(pid_t host) {
    const auto place =
        std::ranges::find_if(live_hosts, [=](const auto& one) { return one.host == host; });
    if (place != live_hosts.end()) {
        place->host = 0;
    }
}

void end_live_hosts() noexcept {
    for (const auto& place : live_hosts) {
        if (place.host != 0) {
            tell_to_end(place.socket);
        }
    }
    const long deadline = milliseconds_now() + kTimeForHostsToEnd;
    for (const auto& place : live_hosts) {
        if (place.host != 0) {
            wait_for_end(place.socket, deadline);
        }
    }
}

void end_host(pid_t host, int socket, bool is_responsive) {
    if (is_responsive) {
        tell_to_end(socket);
        wait_for_end(socket, milliseconds_now() + kTimeForHostsToEnd);
    }
    remove_live_host(host);
    kill_host(host);
    ::waitpid(host, nullptr, 0);
}

}  // namespace ecryptfs::pki
