// SPDX-License-Identifier: Apache-2.0

#include "tests/fakes/agent_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "tests/fakes/build_under_test.h"

namespace ecryptfs::test {

Command agent_command(const Arguments& options, const Environment& environment) {
    Arguments arguments = {"--module-dir", built("modules")};
    if (std::ranges::find(options, "--pki-host") == options.end()) {
        arguments.insert(arguments.end(), {"--pki-host", host_program()});
    }
    arguments.insert(arguments.end(), options.begin(), options.end());
    return {agent_program(), arguments, environment};
}

AgentProcess::AgentProcess(const Environment& environment, base::UniqueFd device,
                           const Arguments& options)
    : AgentProcess(agent_command(options, environment), std::move(device)) {}

AgentProcess::AgentProcess(Command command, base::UniqueFd device)
    : manager_((folder_.path() / "notify").string()),
      log_path_((folder_.path() / "stderr").string()),
      command_(std::move(command)) {
    if (device) {
        manager_.keep("device", std::move(device));
    }
    start();
}

void AgentProcess::start() {
    const base::UniqueFd log(
        ::open(log_path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    auto command = command_;
    std::map<int, int> descriptors = {{STDERR_FILENO, log.get()}};
    manager_.hand_over(command.environment, descriptors);
    process_.emplace(command, descriptors);
    manager_.wait_until_ready(*process_);
}

void AgentProcess::start_again() {
    manager_.take_messages();
    start();
}

bool AgentProcess::keeps(const std::string& name) {
    manager_.take_messages();
    return manager_.kept().contains(name);
}

int AgentProcess::kept(const std::string& name) {
    manager_.take_messages();
    return manager_.kept().at(name).get();
}

AgentProcess::~AgentProcess() {
    EXPECT_EQ(stop(), expected_exit_) << log();
    for (const char* complaint : {"Sanitizer", "runtime error:"}) {
        EXPECT_EQ(log().find(complaint), std::string::npos) << log();
    }
}

std::string AgentProcess::log() const {
    std::ifstream file(log_path_);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::size_t AgentProcess::memory() const {
    std::ifstream status(fmt::format("/proc/{}/status", pid()));
    for (std::string word; status >> word;) {
        std::size_t size = 0;
        if (word == "VmRSS:" && status >> size) {
            return size;
        }
    }
    ADD_FAILURE() << "no VmRSS of " << pid();
    return 0;
}

void AgentProcess::expect_exit(int exit_code) {
    expected_exit_ = exit_code;
    EXPECT_EQ(process_->wait(), exit_code) << log();
}

int AgentProcess::stop(int signal) {
    process_->send_signal(signal);
    return process_->wait().value_or(-1);
}

}  // namespace ecryptfs::test
