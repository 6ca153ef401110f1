// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <csignal>
#include <optional>
#include <string>

#include "lib/base/handle.h"
#include "tests/fakes/fake_service_manager.h"
#include "tests/support/command.h"
#include "tests/support/temporary_folder.h"

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
    // The same, run by this command: agent_command() or what is wrapped around it.
    AgentProcess(Command command, base::UniqueFd device);
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

    // Ends it with this signal; its exit code.
    int stop(int signal = SIGTERM);
    // As the service manager would, with the descriptors that it kept. The process has ended.
    void start_again();
    // Whether the service manager keeps a descriptor of that name.
    bool keeps(const std::string& name);
    // That descriptor, borrowed; the process has ended.
    int kept(const std::string& name);
    // It is to end by itself, or was ended, and so.
    void expect_exit(int exit_code);
    // How it is to end, from now on.
    void expect_exit_code(int exit_code) { expected_exit_ = exit_code; }

  private:
    void start();

    TemporaryFolder folder_;
    FakeServiceManager manager_;
    std::string log_path_;
    Command command_;
    std::optional<Process> process_;
    int expected_exit_ = 0;
};

}  // namespace ecryptfs::test
