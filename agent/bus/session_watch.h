// SPDX-License-Identifier: Apache-2.0
//
// Hears from the login manager when nobody is to use the keys for a while: before the machine
// sleeps, when a screen is locked, when the last session ends. The interface is logind's:
// org.freedesktop.login1(5).

#pragma once

#include <functional>
#include <string>

#include "agent/bus/link.h"
#include "agent/bus/sleep_delay.h"
#include "agent/runtime/event_loop.h"

struct sd_bus_message;

namespace ecryptfs::agent {

// What is to lock the keys.
struct LockOn {
    bool suspend = true;
    bool screen_lock = false;
    bool log_out = true;

    bool any() const { return suspend || screen_lock || log_out; }
};

class SessionWatch {
  public:
    // Is called with what happened, in words. Calls or drops `done` when no process has the keys in
    // its memory any more.
    using Lock = std::function<void(const std::string& why, std::move_only_function<void()> done)>;

    // Borrows the loop.
    SessionWatch(EventLoop& loop, LockOn events, Lock lock);

    // Without a system bus nothing is heard: said in the log.
    void start();

    // What logind said.
    void prepares_for_sleep(sd_bus_message* signal);
    void session_locked(sd_bus_message* signal);
    void session_changed(sd_bus_message* signal);
    void session_user_told(sd_bus_message* reply);
    void session_removed(sd_bus_message* signal);
    void user_state_told(sd_bus_message* reply);

    // What the bus itself said.
    void logind_named(sd_bus_message* reply);
    void logind_renamed(sd_bus_message* signal);

    // Anybody may send a signal to us alone: sd-bus looks at the sender's well-known name only.
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
