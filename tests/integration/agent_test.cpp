// SPDX-License-Identifier: Apache-2.0

#include "tests/integration/agent_test.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "tests/support/files.h"
#include "tests/support/keyrings.h"

namespace ecryptfs::test {
namespace {

Json named(const Json& list, const char* member, const std::string& value) {
    for (const auto& one : list) {
        if (one[member] == value) {
            return one;
        }
    }
    return nullptr;
}

}  // namespace

void expect_ends(pid_t pid, std::chrono::milliseconds patience) {
    const base::UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    pollfd waiting{.fd = process.get(), .events = POLLIN, .revents = 0};
    EXPECT_TRUE(!process || ::poll(&waiting, 1, static_cast<int>(patience.count())) == 1)
        << "process " << pid << " lives on";
}

// proc(5), /proc/pid/task/tid/stat: "tid (name) state …"; the name may hold anything.
void stand_still(pid_t pid) {
    EXPECT_EQ(::kill(pid, SIGSTOP), 0);
    wait_until("the process stands still", [&] {
        const std::filesystem::directory_iterator threads("/proc/" + std::to_string(pid) + "/task");
        return std::ranges::all_of(threads, [](const auto& thread) {
            const auto stat = content_of(thread.path() / "stat");
            return stat.substr(stat.rfind(')')).starts_with(") T");
        });
    });
}

AgentTest::AgentTest() {
    make_login_keyrings();
}

void AgentTest::TearDown() {
    if (agent_) {
        kernel_.expect_no_more_replies();
        EXPECT_EQ(agent_->stop(), 0);
    }
}

void AgentTest::start_agent(const Arguments& options) {
    agent_.emplace(bus_.environment(), kernel_.device(), options);
}

pid_t AgentTest::child_named(const std::string& name) const {
    for (const auto pid : children_of(agent_->pid())) {
        if (name_of(pid) == name) {
            return pid;
        }
    }
    return 0;
}

Outcome AgentTest::ctl(const Arguments& arguments, const std::string& input) const {
    return run({ctl_program(), arguments, bus_.environment()}, input);
}

std::string AgentTest::add(const Arguments& key, const std::string& passphrase) const {
    Arguments arguments = {"add-key"};
    arguments.insert(arguments.end(), key.begin(), key.end());
    if (!passphrase.empty()) {
        arguments.insert(arguments.end(), {"--passphrase-file", "-"});
    }
    const auto outcome = ctl(arguments, passphrase);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return outcome.out.substr(0, outcome.out.find('\n'));
}

std::string AgentTest::add_faulty(const std::string& behaviour) const {
    return add({"faulty:" + behaviour, "--module", "faulty"});
}

std::string AgentTest::add_k2048() const {
    return add({vector_key("k2048.pem")}, "secret");
}

Json AgentTest::status() const {
    const auto outcome = ctl({"status", "--json"});
    return Json::parse(outcome.out);
}

Json AgentTest::keys() const {
    return Json::parse(ctl({"list-keys", "--json"}).out)["keys"];
}

Json AgentTest::key(const std::string& signature) const {
    return named(status()["keys"], "signature", signature);
}

Json AgentTest::module(const std::string& name) const {
    return named(status()["modules"], "name", name);
}

Bytes AgentTest::wrapped(const std::string& signature, base::ByteView file_key) {
    const auto answer = kernel_.encrypt(signature, file_key);
    EXPECT_EQ(answer.status, 0);
    EXPECT_EQ(answer.operation, base::FileKeyOperation::kEncrypt);
    return answer.data;
}

std::vector<Bytes> AgentTest::different_packets(const std::string& signature, std::size_t count) {
    std::vector<Bytes> packets;
    for (std::size_t i = 0; i < count; ++i) {
        const auto file_key = make_file_key(16 + i / 256, static_cast<std::uint8_t>(i));
        packets.push_back(decrypt_packet(signature, wrapped(signature, file_key)));
    }
    return packets;
}

void AgentTest::expect_round_trip(const std::string& signature, std::size_t size) {
    const auto file_key = make_file_key(size);
    const auto answer = kernel_.decrypt(signature, wrapped(signature, file_key));
    EXPECT_THAT(answer, Gives(file_key)) << size;
    EXPECT_EQ(answer.operation, base::FileKeyOperation::kDecrypt);
}

}  // namespace ecryptfs::test
