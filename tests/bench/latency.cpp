// SPDX-License-Identifier: Apache-2.0
//
// What the agent adds to a request, besides the RSA operation: one at a time, each in turn with the
// bare operation.

#include <algorithm>
#include <chrono>

#include "tests/bench/agent_side.h"
#include "tests/bench/figure.h"
#include "tests/bench/key_file.h"

namespace ecryptfs::bench {
namespace {

using Microseconds = std::chrono::duration<double, std::micro>;

Figure added(std::string name, double with_agent, double operation, double hops, double target) {
    const auto value = with_agent - operation;
    return {.name = std::move(name),
            .limit_name = "two round trips over a bare socket",
            .value = value,
            .limit = hops,
            .ratio = value / hops,
            .target = target,
            .kind = Target::kValueAtMost,
            .decimals = 1};
}

}  // namespace

std::vector<Figure> measure_latency(const Settings& settings) {
    const KeyFile file;
    AgentSide agent(file.key(), 8);
    const auto operation = raw_openssl_operation(file.path());
    agent.rate(settings.time / 4);
    std::vector<double> with_agent;
    std::vector<double> alone;
    const auto end = std::chrono::steady_clock::now() + settings.time * settings.rounds;
    while (std::chrono::steady_clock::now() < end) {
        with_agent.push_back(Microseconds(agent.serve_one()).count());
        const auto start = std::chrono::steady_clock::now();
        operation();
        alone.push_back(Microseconds(std::chrono::steady_clock::now() - start).count());
    }
    std::ranges::sort(with_agent);
    std::ranges::sort(alone);
    // To the broker, to the host and back: the wake-ups that there are at the least.
    const auto hops = 2 * 1e6 / bare_socket(1)->rate(settings.time);
    return {added("µs added to an RSA-2048 operation, median", percentile(with_agent, 50),
                  percentile(alone, 50), hops, 30),
            added("µs added to an RSA-2048 operation, 99th percentile", percentile(with_agent, 99),
                  percentile(alone, 99), hops, 100)};
}

}  // namespace ecryptfs::bench
