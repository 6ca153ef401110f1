// SPDX-License-Identifier: Apache-2.0
//
// Two sides of a comparison: what goes through the agent, and the limit that it is held against.

#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace ecryptfs::bench {

using Seconds = std::chrono::duration<double>;

class Side {
  public:
    Side() = default;
    Side(const Side&) = delete;
    Side& operator=(const Side&) = delete;
    virtual ~Side() = default;

    // Works for so long; operations a second.
    virtual double rate(Seconds time) = 0;
};

// Requests for one key, as the kernel would send them, to an agent of this build on a bus of its
// own; `in_flight` at a time. Environment and secret are for the key.
struct AgentKey {
    std::string uri;
    std::string module;
    std::string secret;
    std::string softhsm_conf;
};
std::unique_ptr<Side> through_agent(const AgentKey& key, std::size_t in_flight);

// A process that reads from the same kind of socket and writes back, and does nothing else.
std::unique_ptr<Side> bare_socket(std::size_t in_flight);
// The operation in a process that is asked through another one, over two such sockets; neither does
// anything else. One call is one request.
std::function<void()> bare_agent(const std::function<void()>& operation);

// The library in a loop, in as many threads as there are processors; with RSA-2048 and OAEP.
std::unique_ptr<Side> raw_openssl(const std::string& path);
// One call is one operation.
std::function<void()> raw_openssl_operation(const std::string& path);
// SHA-1, the key `label` of the first token that has it. For one process, once.
std::unique_ptr<Side> raw_softhsm(const std::string& label, const std::string& pin);
// SHA-256, one thread, as a TPM has one, in a session that encrypts the answer. With a key of its
// own.
std::unique_ptr<Side> raw_tpm(const std::string& tcti);

}  // namespace ecryptfs::bench
