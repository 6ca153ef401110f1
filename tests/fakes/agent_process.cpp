// SPDX-License-Identifier: Apache-2.0

#include "tests/fakes/agent_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>

#include "tests/fakes/build_under_test.h"

namespace ecryptfs::test {
namespace {

constexpr int kFirstHandedOver = 3;  // sd_listen_fds(3)

// As systemd makes for a service of Type=notify.
base::UniqueFd notification_socket(const std::string& path) {
    base::UniqueFd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    return socket;
}

}  // namespace

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
    : log_path_((folder_.path() / "stderr").string()) {
    const auto notify_path = (folder_.path() / "notify").string();
    const auto notifications = notification_socket(notify_path);
    const base::UniqueFd log(
        ::open(log_path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    auto command = agent_command(options, environment);
    command.environment["NOTIFY_SOCKET"] = notify_path;
    std::map<int, int> descriptors = {{STDERR_FILENO, log.get()}};
    if (device) {
        command.environment["LISTEN_FDS"] = "1";
        command.environment["LISTEN_FDNAMES"] = "device";
        command.environment["LISTEN_PID"] = kOwnPid;
        descriptors[kFirstHandedOver] = device.get();
    }
    process_.emplace(command, descriptors);
    wait_until_ready(notifications.get());
}

AgentProcess::~AgentProcess() {
    EXPECT_EQ(stop(), expected_exit_) << log();
    for (const char* complaint : {"Sanitizer", "runtime error:"}) {
        EXPECT_EQ(log().find(complaint), std::string::npos) << log();
    }
}

void AgentProcess::wait_until_ready(int notifications) {
    std::array<char, 1024> text{};
    while (std::strstr(text.data(), "READY=1") == nullptr) {
        auto waiting =
            std::to_array<pollfd>({{.fd = notifications, .events = POLLIN, .revents = 0},
                                   {.fd = process_->ended_fd(), .events = POLLIN, .revents = 0}});
        const std::chrono::milliseconds patience = kPatience;
        ::poll(waiting.data(), waiting.size(), static_cast<int>(patience.count()));
        if (waiting[0].revents == 0) {
            return;  // it has ended, or hangs: the test will see
        }
        const auto size = ::recv(notifications, text.data(), text.size() - 1, 0);
        text.at(static_cast<std::size_t>(std::max<ssize_t>(size, 0))) = '\0';
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

int AgentProcess::stop() {
    process_->send_signal(SIGTERM);
    return process_->wait().value_or(-1);
}

}  // namespace ecryptfs::test
