// SPDX-License-Identifier: Apache-2.0

#include <stdexcept>

#include "tests/bench/side.h"
#include "tests/integration/agent_test.h"

namespace ecryptfs::bench {
namespace {

using test::Clock;

// The integration tests' ground, without a test.
class AgentSide : public Side, public test::AgentTest {
  public:
    AgentSide(const AgentKey& key, std::size_t in_flight) : in_flight_(in_flight) {
        auto environment = bus_.environment();
        if (!key.softhsm_conf.empty()) {
            environment["SOFTHSM2_CONF"] = key.softhsm_conf;
        }
        agent_.emplace(environment, kernel_.device());
        const auto signature = add({key.uri, "--module", key.module}, key.secret);
        packets_ = different_packets(signature, 2 * in_flight);
    }

    double rate(Seconds time) override {
        const auto start = Clock::now();
        std::uint64_t answered = 0;
        const auto take = [&] {
            kernel_.wait_for_answers();
            kernel_.take_new_answers([&](const test::Answer& answer) {
                if (answer.status != 0) {
                    throw std::runtime_error("the agent answered with a failure");
                }
                ++answered;
            });
        };
        while (Clock::now() - start < time) {
            while (kernel_.unanswered() < in_flight_) {
                kernel_.ask(packets_.at(next_++ % packets_.size()));
            }
            take();
        }
        while (kernel_.unanswered() > 0) {
            take();
        }
        return static_cast<double>(answered) / Seconds(Clock::now() - start).count();
    }

  private:
    void TestBody() override {}

    std::size_t in_flight_;
    std::vector<test::Bytes> packets_;
    std::size_t next_ = 0;
};

}  // namespace

std::unique_ptr<Side> through_agent(const AgentKey& key, std::size_t in_flight) {
    return std::make_unique<AgentSide>(key, in_flight);
}

}  // namespace ecryptfs::bench
