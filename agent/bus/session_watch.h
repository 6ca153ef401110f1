// SPDX-License-Identifier: Apache-2.0
//
// Locks the keys when logind says so: before the machine sleeps, when a screen is locked, when the
// last session ends. org.freedesktop.login1(5).

#pragma once

#include <functional>
#include <string>

#include "agent/bus/link.h"
#include "agent/bus/sleep_delay.h"
#include "agent/runtime/event_loop.h"
#include "agent/runtime/lock_on.h"

struct sd_bus_message;

namespace ecryptfs::agent {

class SessionWatch {
  public:
    // Gets the reason, in words. Calls or drops `done` once no process has the keys in its memory.
    using Lock = std::function<void(const std::string& why, std::move_only_function<void()> done)>;

    // Borrows the loop.
    SessionWatch(EventLoop& loop, LockOn events, Lock lock);

    // Logs a notice if there is no system bus, and then hears nothing.
    void start();

    // Messages from logind.
    void sleep_announced(sd_bus_message* signal);
    void session_locked(sd_bus_message* signal);
    void session_changed(sd_bus_message* signal);
    void session_user_arrived(sd_bus_message* reply);
    void session_removed(sd_bus_message* signal);
    void user_state_arrived(sd_bus_message* reply);

    // Messages from the bus itself.
    void logind_named(sd_bus_message* reply);
    void logind_renamed(sd_bus_message* signal);

    // sd-bus matches the sender's well-known name only, so anybody could send us a signal directly.
    bool is_from_logind(sd_bus_message* signal) const;

  private:
    int set_up(sd_bus* bus);
    int find_logind(sd_bus* bus);
    void lock_if_ours(const char* session);

    LockOn events_;
    Lock lock_;
    BusLink link_;
    SleepDelay sleep_delay_;
    std::string logind_;  // its unique name; empty while there is none
};

}  // namespace ecryptfs::agent
