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

// A TPM needs milliseconds to flush its keys, and may have a command to end before.
constexpr long kPatience = 5'000;  // milliseconds

// A signal handler reads it: the socket before the host, which says that there is one.
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

// The host has its end of the socket until it ends.
bool has_ended_by(int socket, long deadline) {
    pollfd end{socket, 0, 0};  // hanging up is always reported
    int ready = 0;
    do {
        const long left = std::max(deadline - milliseconds_now(), 0L);
        ready = ::poll(&end, 1, static_cast<int>(left));
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

// What the host reads next is the end.
void tell_to_end(int socket) {
    ::shutdown(socket, SHUT_WR);
}

void end_by(int signal) {
    if (!is_ending.exchange(true)) {
        end_live_hosts();
    }
    ::signal(signal, SIG_DFL);
    ::raise(signal);
}

void handle_fatal_signals() {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) {
        struct sigaction before{};
        if (::sigaction(signal, nullptr, &before) != 0 || before.sa_handler != SIG_DFL) {
            continue;  // ignored: it ends nothing
        }
        struct sigaction ours{};
        ours.sa_handler = end_by;
        ours.sa_flags = SA_NODEFER;
        ::sigaction(signal, &ours, nullptr);
    }
}

}  // namespace

void add_live_host(pid_t host, int socket) {
    static const bool handled = (handle_fatal_signals(), true);
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
    const long deadline = milliseconds_now() + kPatience;
    for (const auto& place : live_hosts) {
        if (place.host != 0) {
            has_ended_by(place.socket, deadline);
        }
    }
}

void end_host(pid_t host, int socket, bool answers) {
    if (answers) {
        tell_to_end(socket);
        has_ended_by(socket, milliseconds_now() + kPatience);
    }
    remove_live_host(host);
    kill_host(host);
    ::waitpid(host, nullptr, 0);
}

}  // namespace ecryptfs::pki
