// SPDX-License-Identifier: Apache-2.0

#include "agent/requests/guard_process.h"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

extern "C" {
#include <sys/pidfd.h>  // glibc 2.36's does not say so itself
}

#include <array>
#include <cerrno>
#include <cstdlib>

#include "agent/requests/request_slots.h"
#include "agent/runtime/event_loop.h"
#include "agent/runtime/handover.h"
#include "agent/runtime/time_limits.h"
#include "lib/base/error.h"
#include "lib/base/process.h"

namespace ecryptfs::agent {
namespace {

constexpr int kBetweenLooks = 100;  // milliseconds
constexpr int kLooks = kUnreadLimit.count() / kBetweenLooks;
constexpr int kForever = -1;

// systemd takes a process with such a name for a helper, and warns of no left-over one when it
// starts the next broker (unit.c: log_leftover).
constexpr char kName[] = "(ecrypt-guard)";

// The broker starts another, and says so.
[[noreturn]] void give_up() {
    ::_exit(EXIT_FAILURE);
}

// Waits for a request or the broker's end. EPOLLONESHOT: later requests wake the broker only.
void wait_for_request(int poller, int broker, int device) {
    epoll_event event{.events = EPOLLIN | EPOLLONESHOT, .data = {}};
    for (const auto fd : {broker, device}) {
        if (::epoll_ctl(poller, EPOLL_CTL_MOD, fd, &event) != 0 && errno == ENOENT) {
            ::epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
        }
    }
    ::epoll_wait(poller, &event, 1, kForever);
}

// Whether a request stays unread. Pokes the broker at each look that finds one.
bool stays_unread(const Guarded& guarded, int broker) {
    const auto before = guarded.frames_read.load();
    for (int look = 0; look < kLooks; ++look) {
        if (has_ended(broker, kBetweenLooks) || guarded.frames_read.load() != before ||
            !has_input(guarded.device)) {
            return false;
        }
        ::eventfd_write(guarded.poke, 1);
    }
    return true;
}

// Returns when the broker has ended.
void watch_broker(const Guarded& guarded) {
    const base::UniqueFd broker(::pidfd_open(guarded.broker, 0));
    if (!broker && errno == ESRCH) {
        return;
    }
    const base::UniqueFd poller(::epoll_create1(EPOLL_CLOEXEC));
    if (!broker || !poller) {
        give_up();  // without them it would wait for ever, and read nothing
    }
    while (::getppid() == guarded.broker && !has_ended(broker.get(), 0)) {
        wait_for_request(poller.get(), broker.get(), guarded.device);
        if (stays_unread(guarded, broker.get())) {
            ::pidfd_send_signal(broker.get(), SIGKILL, nullptr, 0);
            has_ended(broker.get(), kForever);
        }
    }
}

// Reads for the next broker, which replays what it finds in the memory. Goes on until the next
// broker ends this process, or nobody keeps the device.
void read_for_next(const Guarded& guarded) {
    Handover handover(base::UniqueFd(guarded.memory), Handover::Claim::kIfFree);
    RequestSlots slots(handover.requests());
    if (slots.are_used_up()) {
        slots.give_back(*slots.leftovers().back());  // better lost than left to the kernel
    }
    auto* slot = &slots.take();
    auto waiting = std::to_array<pollfd>(
        {{guarded.device, POLLIN, 0}, {.fd = guarded.life_line, .events = 0, .revents = 0}});
    // Leaves none unread: when the device closes, the kernel would give an unread request to
    // another opener while its own still waits for it (messaging.c: ecryptfs_exorcise_daemon).
    while (::poll(waiting.data(), waiting.size(), kForever) > 0 && waiting[0].revents == POLLIN) {
        slot->read_at = Clock::now().time_since_epoch().count();
        if (::read(guarded.device, slot->frame.data(), slot->frame.size()) > 0) {
            if (slots.are_used_up()) {
                slots.give_back(*slot);
            }
            slot = &slots.take();
        } else if (waiting[1].revents != 0) {
            return;
        }
    }
}

}  // namespace

void run_guard(const Guarded& guarded) {
    ::prctl(PR_SET_NAME, kName);
    if (!base::close_other_descriptors(
            {guarded.device, guarded.memory, guarded.poke, guarded.life_line})) {
        give_up();  // it would hold the life line itself
    }
    watch_broker(guarded);
    try {
        read_for_next(guarded);
    } catch (const base::Failure&) {
        give_up();  // the next broker is there already, or memory cannot be had
    }
    ::_exit(EXIT_SUCCESS);
}

}  // namespace ecryptfs::agent
