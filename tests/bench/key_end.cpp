// SPDX-License-Identifier: Apache-2.0
//
// How long a key stays open whose token has gone, when nobody asks the agent for anything.

#include <keyutils.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include "tests/bench/figure.h"
#include "tests/integration/agent_test.h"

namespace ecryptfs::bench {
namespace {

using namespace std::chrono_literals;
using Milliseconds = std::chrono::duration<double, std::milli>;
using test::Clock;

class KeyEnd : public test::AgentTest {
  public:
    KeyEnd() { start_agent(); }

    // From the moment at which the kernel refuses the token until the module has closed the key.
    double revoke_one(int number) {
        const auto closed = folder_.file("closed-" + std::to_string(number), "");
        const auto signature = add_faulty("closed?" + closed);
        std::this_thread::sleep_for(number * 130ms);  // at any time between two looks of the agent
        const auto token = static_cast<key_serial_t>(
            ::keyctl_search(KEY_SPEC_USER_KEYRING, "user", signature.c_str(), 0));
        ::keyctl_revoke(token);
        const auto start = Clock::now();
        while (std::filesystem::file_size(closed) == 0) {
            std::this_thread::sleep_for(1ms);
        }
        return Milliseconds(Clock::now() - start).count();
    }

  private:
    void TestBody() override {}
};

}  // namespace

std::vector<Figure> measure_key_end(const Settings& settings) {
    KeyEnd agent;
    std::vector<double> times;
    for (int number = 0; number < 3 * settings.rounds; ++number) {
        times.push_back(agent.revoke_one(number));
    }
    return {{.name = "ms from the end of a token to a closed key, median",
             .value = median(times),
             .target = 1000,
             .kind = Target::kValueAtMost},
            {.name = "ms from the end of a token to a closed key, longest",
             .value = std::ranges::max(times),
             .target = 1000,
             .kind = Target::kValueAtMost}};
}

}  // namespace ecryptfs::bench
