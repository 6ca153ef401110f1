// SPDX-License-Identifier: Apache-2.0
//
// One ecryptfs-pki-host process and the sockets to it, from its start to its end. A module may have
// taken over the process: whatever that sends, and however much of it, must not stop the loop.

#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "agent/runtime/event_loop.h"
#include "lib/base/error.h"
#include "lib/base/handle.h"
#include "lib/base/secret_bytes.h"
#include "lib/pki/host_process.h"
#include "lib/pki/host_protocol.h"

namespace ecryptfs::agent {

// Whoever deals with what the process says. May call end() on the connection, but not destroy it.
class HostConnectionUser {
  public:
    virtual ~HostConnectionUser() = default;
    // Views end with the call.
    virtual void message_arrived(const pki::FromHost& message) = 0;
    // That was all that is read in one turn of the loop.
    virtual void messages_read() = 0;
    // Something that the process wrote on standard error: it may be any bytes.
    virtual void text_arrived(std::string_view text) = 0;
    // The process has ended by itself, or talks nonsense.
    virtual void connection_lost(const base::Error& why) = 0;
};

class HostConnection {
  public:
    // Borrows the loop and the user. Starts the process with the module.
    HostConnection(EventLoop& loop, HostConnectionUser& user, const pki::HostPaths& paths,
                   const std::string& module);
    HostConnection(const HostConnection&) = delete;
    HostConnection& operator=(const HostConnection&) = delete;
    ~HostConnection();

    pid_t pid() const { return pid_; }

    // False if the socket is full or the connection at its end; nothing was sent then.
    bool send(const pki::ToHost& message);

    // Lets the process close its keys and end by itself. The user hears no more.
    void finish();

    // Kills the process and what its module has started, and has it reaped when it is dead. The
    // user hears no more.
    void end();

  private:
    bool read_message();
    void read_messages();
    void read_text();
    void close_text();
    void exited(int code, int status);

    EventLoop& loop_;
    HostConnectionUser& user_;
    pki::HostPaths paths_;
    pid_t pid_ = 0;
    base::UniqueFd socket_;
    base::UniqueFd text_;
    EventLoop::Source readiness_;
    EventLoop::Source text_readiness_;
    EventLoop::Source exit_;
    bool finishing_ = false;
    bool ended_ = false;
    base::SecretBytes incoming_;
    base::SecretBytes outgoing_;
};

}  // namespace ecryptfs::agent
