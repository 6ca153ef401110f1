// SPDX-License-Identifier: Apache-2.0
//
// Starting PKI hosts, as an interface: real processes (host_connection.h) in the agent, fakes in
// tests.

#pragma once

#include <sys/types.h>

#include <memory>
#include <string_view>

#include "lib/base/error.h"
#include "lib/pki/host_protocol.h"
#include "lib/wire/auth_token.h"

namespace ecryptfs::agent {

// Hears what a process says. May call end() on the process, but not destroy it.
class HostListener {
  public:
    HostListener() = default;
    HostListener(const HostListener&) = delete;
    HostListener& operator=(const HostListener&) = delete;
    virtual ~HostListener() = default;

    // Views end with the call.
    virtual void message_arrived(const pki::FromHost& message) = 0;
    // No more messages are read in this turn of the loop.
    virtual void messages_read() = 0;
    // The process wrote on standard error: any bytes.
    virtual void text_arrived(std::string_view text) = 0;
    // The process has ended by itself, or talks nonsense.
    virtual void connection_lost(const base::Error& why) = 0;
};

// A process from its start to its end. Destroying it ends it.
class RunningHost {
  public:
    RunningHost() = default;
    RunningHost(const RunningHost&) = delete;
    RunningHost& operator=(const RunningHost&) = delete;
    virtual ~RunningHost() = default;

    virtual pid_t pid() const = 0;

    // False if the process takes no messages, now or any more; nothing was sent then.
    virtual bool send(const pki::ToHost& message) = 0;

    // Lets the process close its keys and end by itself. The listener hears no more.
    virtual void finish() = 0;

    // Kills the process and what its module has started. The listener hears no more.
    virtual void end() = 0;
};

class HostLauncher {
  public:
    HostLauncher() = default;
    HostLauncher(const HostLauncher&) = delete;
    HostLauncher& operator=(const HostLauncher&) = delete;
    virtual ~HostLauncher() = default;

    // Starts a process with the module. Borrows the listener for the process's life.
    virtual base::Result<std::unique_ptr<RunningHost>> start(HostListener& listener,
                                                             const wire::PkiType& module) = 0;
};

}  // namespace ecryptfs::agent
