// SPDX-License-Identifier: Apache-2.0
//
// An agent on the bus that says what a test wants it to say. Takes the types of its properties from
// org.ecryptfs.Agent1.xml, so that it cannot agree with ecryptfsctl on something else.

#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cli/agent/bus_values.h"

namespace ecryptfs::test {

struct FakeAgentScript {
    cli::Properties manager = {};
    std::map<std::string, cli::Properties> keys = {};  // by signature
    std::vector<cli::Properties> modules = {};

    // What AddKey() gives.
    std::string signature = {};
    std::string token = {};
    std::string warning = {};

    // What AddKey() and Unlock() want; empty for none.
    std::string secret = {};

    std::map<std::string, base::Error> failures = {};          // by method
    std::map<std::string, std::string> foreign_failures = {};  // method to D-Bus error name
    std::set<std::string> wrong_answers = {};                  // methods that reply with a byte
    std::set<std::string> deaths = {};  // methods at which the agent leaves the bus
};

// The agent of docs/json.md's examples.
FakeAgentScript documented_agent();

class FakeAgent {
  public:
    FakeAgent(const std::string& bus_address, FakeAgentScript script);
    FakeAgent(const FakeAgent&) = delete;
    FakeAgent& operator=(const FakeAgent&) = delete;
    ~FakeAgent();

    // Calls that would change something, in their order: "AddKey openssl file:///k geheim".
    std::vector<std::string> calls() const;

  private:
    class Service;
    std::unique_ptr<Service> service_;
};

}  // namespace ecryptfs::test
