// SPDX-License-Identifier: Apache-2.0
//
// How the agent begins and ends, and what its files need.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <sstream>

#include "tests/integration/agent_test.h"

namespace ecryptfs::test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class Processes : public AgentTest {};

TEST_F(Processes, SigtermEndsAgentCleanly) {
    start_agent();
    add_faulty("ok");
    const auto host = module("faulty")["host_pid"].get<pid_t>();
    EXPECT_EQ(agent_->stop(), 0);
    expect_ends(host);
}

TEST_F(Processes, SigtermLetsHostsCloseTheirKeys) {
    start_agent();
    const auto closed = folder_.file("closed", "");
    add_faulty("closed?" + closed);
    EXPECT_EQ(agent_->stop(), 0);
    EXPECT_EQ(std::filesystem::file_size(closed), 1U);
}

TEST_F(Processes, SigtermEndsAgentDespiteStoppedHost) {
    start_agent();
    add_faulty("ok");
    const auto host = module("faulty")["host_pid"].get<pid_t>();
    stand_still(host);
    EXPECT_EQ(agent_->stop(), 0);
    expect_ends(host);
}

TEST_F(Processes, SigtermEndsAgentAmidRequests) {
    start_agent();
    const auto signature = add_faulty("slow?300");
    const auto packet = decrypt_packet(signature, wrapped(signature, make_file_key(16)));
    for (int i = 0; i < 100; ++i) {
        kernel_.ask(packet);
    }
    EXPECT_EQ(agent_->stop(), 0);
    agent_.reset();
}

TEST_F(Processes, HostsDoNotOutliveAKilledAgent) {
    start_agent();
    add_faulty("ok");
    const auto host = module("faulty")["host_pid"].get<pid_t>();
    ASSERT_EQ(::kill(agent_->pid(), SIGKILL), 0);
    expect_ends(host);
    agent_->expect_exit(128 + SIGKILL);
    agent_.reset();
}

TEST_F(Processes, SecondAgentGivesWayToTheFirst) {
    start_agent();
    const auto second =
        run(agent_command({"--device", folder_.path() / "ecryptfs"}, bus_.environment()));
    EXPECT_EQ(second.exit_code, code(ErrorCode::kDeviceBusy));
    EXPECT_THAT(second.err, HasSubstr("another ecryptfs-agent serves this bus"));
    expect_round_trip(add_faulty("ok"));
}

TEST_F(Processes, BusStartsAgentOnDemand) {
    const auto command =
        agent_command({"--device", folder_.path() / "ecryptfs"}, bus_.environment());
    auto line = command.program;
    for (const auto& argument : command.arguments) {
        line += " " + argument;
    }
    bus_.add_service("org.ecryptfs.Agent1", line);
    const auto outcome = ctl({"status", "--json"});
    EXPECT_EQ(outcome.exit_code, code(ErrorCode::kNoDevice)) << outcome.err;
    const auto pid = Json::parse(outcome.out)["agent"]["pid"].get<pid_t>();
    EXPECT_EQ(status()["agent"]["pid"], pid);
    ASSERT_EQ(::kill(pid, SIGTERM), 0);
    expect_ends(pid);
}

TEST_F(Processes, AgentWithoutBusServesItsTokens) {
    // Left by another agent.
    start_agent();
    const auto signature = add_faulty("ok");
    EXPECT_EQ(agent_->stop(), 0);
    agent_.reset();
    kernel_ = FakeKernel();
    agent_.emplace(Environment{}, kernel_.device());
    expect_round_trip(signature);
    EXPECT_THAT(agent_->log(), HasSubstr("no user bus"));
}

TEST_F(Processes, AgentExplainsItsOptions) {
    const auto help = run(agent_command({"--help"}, {}));
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_THAT(help.out, HasSubstr("--reply-within"));
    const auto wrong = run(agent_command({"--no-such-option"}, {}));
    EXPECT_EQ(wrong.exit_code, code(ErrorCode::kInvalidArgument));
    EXPECT_THAT(wrong.err, HasSubstr("no-such-option"));
}

// The libraries that the dynamic linker loads for a file, by the name before ".so".
std::vector<std::string> needed_libraries(const std::string& file) {
    const auto listing = run({"readelf", {"--dynamic", "--wide", file}});
    EXPECT_EQ(listing.exit_code, 0) << listing.err;
    std::vector<std::string> libraries;
    std::istringstream lines(listing.out);
    for (std::string line; std::getline(lines, line);) {
        const auto start = line.find("Shared library: [");
        if (start != std::string::npos) {
            const auto name = line.substr(start + 17);
            libraries.push_back(name.substr(0, name.find(".so")));
        }
    }
    return libraries;
}

// Whether a file takes the function from a shared library; sanitizers leave out the "@VERSION".
bool imports(const std::string& file, const std::string& function) {
    std::istringstream lines(run({"readelf", {"--dyn-syms", "--wide", file}}).out);
    for (std::string line; std::getline(lines, line);) {
        if (line.ends_with(" UND " + function) || line.contains(" UND " + function + "@")) {
            return true;
        }
    }
    return false;
}

TEST(Files, BrokerLoadsNoCryptoOrModule) {
    const auto libraries = needed_libraries(agent_program());
    EXPECT_THAT(libraries, Contains("libsystemd"));
    EXPECT_THAT(libraries, Contains("libkeyutils"));
    for (const char* library : {"libcrypto", "libssl", "libgcrypt", "libgnutls", "libnettle",
                                "libp11-kit", "libtss2-esys", "libtss2-mu"}) {
        EXPECT_THAT(libraries, Not(Contains(library)));
    }
    EXPECT_FALSE(imports(agent_program(), "dlopen"));
    EXPECT_TRUE(has_sanitizers() || imports(host_program(), "dlopen"));  // clang's bring one
}

TEST(Files, HostReachesNeitherBusNorKeyrings) {
    const auto libraries = needed_libraries(host_program());
    EXPECT_THAT(libraries, Contains("libc"));
    for (const char* library : {"libsystemd", "libkeyutils"}) {
        EXPECT_THAT(libraries, Not(Contains(library)));
    }
}

}  // namespace
}  // namespace ecryptfs::test
