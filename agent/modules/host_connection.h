// SPDX-License-Identifier: Apache-2.0
//
// One ecryptfs-pki-host process and the sockets to it, from its start to its end. A module may have
// taken over the process: whatever it sends, and however much, must not stop the loop.

#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "agent/modules/host_launcher.h"
#include "agent/runtime/event_loop.h"
#include "lib/base/error.h"
#include "lib/base/handle.h"
#include "lib/base/secret_bytes.h"
#include "lib/pki/host_process.h"
#include "lib/pki/host_protocol.h"

namespace ecryptfs::agent {

class HostConnection : public RunningHost {
  public:
    // Borrows the loop and the listener. Starts the process with the module. Throws base::Failure.
    HostConnection(EventLoop& loop, HostListener& listener, const pki::HostPaths& paths,
                   const std::string& module);
    ~HostConnection() override;

    pid_t pid() const override { return pid_; }
    bool send(const pki::ToHost& message) override;
    void finish() override;
    void end() override;

  private:
    bool read_message();
    void read_messages();
    void read_text();
    void close_text();
    void exited(int code, int status);

    EventLoop& loop_;
    HostListener& listener_;
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

class ProcessLauncher : public HostLauncher {
  public:
    // Borrows the loop.
    ProcessLauncher(EventLoop& loop, pki::HostPaths paths);

    base::Result<std::unique_ptr<RunningHost>> start(HostListener& listener,
                                                     const wire::PkiType& module) override;

  private:
    EventLoop& loop_;
    pki::HostPaths paths_;
};

}  // namespace ecryptfs::agent
