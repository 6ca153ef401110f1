// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <vector>

#include "tests/bench/side.h"
#include "tests/integration/agent_test.h"

namespace ecryptfs::bench {

// The integration tests' ground, without a test.
class AgentSide : public Side, public test::AgentTest {
  public:
    AgentSide(const AgentKey& key, std::size_t in_flight);

    // Asks for this one as well from now on.
    void add_key(const AgentKey& key);

    double rate(Seconds time) override;
    // Requests of the key, so many in all.
    void serve(std::size_t count);
    // From asking for one to having its answer.
    Seconds serve_one();
    // The same with an encrypted file key that cannot be decrypted.
    Seconds refuse(base::ByteView encrypted);
    const test::AgentProcess& process() const { return *agent_; }
    const test::Bytes& packet() const { return packets_.front(); }

  private:
    void TestBody() override {}
    void keep_asking(const std::function<bool()>& goes_on);

    Seconds time_of(const test::Bytes& packet, bool succeeds);

    std::size_t in_flight_;
    std::string signature_;
    std::vector<test::Bytes> packets_;
    std::size_t next_ = 0;
};

}  // namespace ecryptfs::bench
