// SPDX-License-Identifier: Apache-2.0
//
// The ground on which the integration tests stand: a bus, a fake kernel, an agent, ecryptfsctl.

#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"
#include "tests/fakes/agent_process.h"
#include "tests/fakes/build_under_test.h"
#include "tests/fakes/fake_kernel.h"
#include "tests/fakes/private_bus.h"
#include "tests/support/command.h"
#include "tests/support/processes.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/vectors.h"

namespace ecryptfs::test {

using Json = nlohmann::json;
using base::ErrorCode;

// The exit code, and the status byte in a reply, that stands for an error.
inline int code(ErrorCode error) {
    return base::traits(error).status;
}

inline constexpr char kK2048Signature[] = "fe3467554552491d";

// Waits for the end of a process, not necessarily a child.
void expect_ends(pid_t pid, std::chrono::milliseconds patience = kPatience);

// Has a process stand still; returns when each of its threads does.
void stand_still(pid_t pid);

// Whether an answer is a failure with this reason.
MATCHER_P(FailsFor, error, "") {
    *result_listener << "whose status is " << int{arg.status};
    return arg.status == code(error) && arg.data.empty();
}

// Whether an answer holds these bytes.
MATCHER_P(Gives, data, "") {
    *result_listener << "whose status is " << int{arg.status};
    return arg.status == 0 && arg.data == data;
}

class AgentTest : public ::testing::Test {
  protected:
    // As after login: a session keyring that links the user keyring, which is empty.
    AgentTest();
    // The agent has answered all, and ends as it should.
    void TearDown() override;

    void start_agent(const Arguments& options = {});

    Outcome ctl(const Arguments& arguments, const std::string& input = "") const;
    // Adds a key whose secret, if any, is `passphrase`; its signature.
    std::string add(const Arguments& key, const std::string& passphrase = "") const;
    std::string add_faulty(const std::string& behaviour) const;
    std::string add_k2048() const;
    // The agent's child of that name; 0 if there is none.
    pid_t child_named(const std::string& name) const;
    Json status() const;
    Json queue() const { return status()["queue"]; }
    Json keys() const;
    // What status tells of one key or module; null if there is none.
    Json key(const std::string& signature) const;
    Json module(const std::string& name) const;

    // Asks for a file key to be wrapped and unwrapped again.
    void expect_round_trip(const std::string& signature, std::size_t size = 16);
    // A file key wrapped with this key.
    Bytes wrapped(const std::string& signature, base::ByteView file_key);
    // Requests to unwrap as many different file keys, which the agent cannot answer together.
    std::vector<Bytes> different_packets(const std::string& signature, std::size_t count);

    TemporaryFolder folder_;
    PrivateBus bus_;
    FakeKernel kernel_;
    std::optional<AgentProcess> agent_;
};

}  // namespace ecryptfs::test
