// SPDX-License-Identifier: Apache-2.0
//
// What a user has after a login: a session keyring, a bus, and an agent that the bus starts when it
// is first asked for. What happens in it happens as the user.

#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/vm/process.h"

namespace ecryptfs::vm {

// The session keyring of the bus, and so of the agent.
enum class AgentKeyring : std::uint8_t {
    kOfTheSession,  // links the user keyring, as pam_keyinit has it
    kOfItsOwn,      // does not, as under KeyringMode=private
};

class UserSession {
  public:
    // One at a time for each user.
    explicit UserSession(const User& user, AgentKeyring keyring = AgentKeyring::kOfTheSession);
    UserSession(const UserSession&) = delete;
    UserSession& operator=(const UserSession&) = delete;
    // Ends the agent and the bus, and empties the user keyring.
    ~UserSession();

    const User& user() const { return user_; }
    std::string bus_address() const;

    Outcome run(const Arguments& command, const std::string& input = "") const;
    Process start(const Arguments& command, int in = -1, int out = -1) const;
    // Runs `body` in a child, which has the session's keyrings.
    int call(const std::function<int()>& body) const;
    // As root, which has the session's keyrings and not its own: so it is after sudo.
    int call_as_root(const std::function<int()>& body) const;

    Outcome ctl(const Arguments& arguments, const std::string& input = "") const;
    // ecryptfsctl, which must succeed; what it prints.
    std::string ctl_prints(const Arguments& arguments, const std::string& input = "") const;
    // Gives the signature.
    std::string add_key(const std::string& file, const std::string& passphrase) const;
    nlohmann::json status() const;
    // The one of this signature in list-keys; null if it is not there.
    nlohmann::json key(const std::string& signature) const;

    // As they run now; 0 if there is none.
    pid_t agent() const;
    pid_t host() const;
    void stop_agent() const;
    // What agent and bus have written.
    std::string log() const;

  private:
    ChildSetup setup() const;
    Process start_keyring() const;
    Process start_bus(AgentKeyring keyring) const;

    User user_;
    std::string keyring_name_;
    base::UniqueFd log_;
    Process keyring_keeper_;
    Process bus_;
};

// How a file opens, at this moment, for the user: 0 or an errno.
int open_error(const User& user, const std::string& file);

}  // namespace ecryptfs::vm
