// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <optional>
#include <string>

#include "lib/base/handle.h"
#include "tests/fakes/command.h"
#include "tests/fakes/temporary_folder.h"

namespace ecryptfs::test {

// What runs ecryptfs-agent of this build, with this build's modules and, unless `options` name
// another, its host.
Command agent_command(const Arguments& options, const Environment& environment);

// An ecryptfs-agent that a service manager started, with a device handed over.
class AgentProcess {
  public:
    // Returns when it says that it is ready. Without a `device` it looks for the one that its
    // options name.
    AgentProcess(const Environment& environment, base::UniqueFd device,
                 const Arguments& options = {});
    // Stops it, unless it has ended. Fails the test when it ends in another way than it should or
    // when a sanitizer complained.
    ~AgentProcess();
    AgentProcess(const AgentProcess&) = delete;
    AgentProcess& operator=(const AgentProcess&) = delete;

    pid_t pid() const { return process_->pid(); }
    // What it and its hosts have written on standard error.
    std::string log() const;
    // Resident memory, in kB.
    std::size_t memory() const;

    // Asks it to end; its exit code.
    int stop();
    // It is to end by itself, or was ended, and so.
    void expect_exit(int exit_code);

  private:
    void wait_until_ready(int notifications);

    TemporaryFolder folder_;
    std::string log_path_;
    std::optional<Process> process_;
    int expected_exit_ = 0;
};

}  // namespace ecryptfs::test
