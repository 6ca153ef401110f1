// SPDX-License-Identifier: Apache-2.0
//
// What the agent adds to a request, besides the RSA operation: one at a time, each in turn with one
// of a broker and a host that do nothing but that operation, and with the bare operation.

#include <algorithm>
#include <chrono>

#include "tests/bench/agent_side.h"
#include "tests/bench/figure.h"
#include "tests/bench/key_file.h"

namespace ecryptfs::bench {
namespace {

using Microseconds = std::chrono::duration<double, std::micro>;
using Times = std::vector<double>;

double time_of(const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return Microseconds(std::chrono::steady_clock::now() - start).count();
}

// In µs; sorted at the end.
struct Samples {
    Times through_agent;
    Times through_bare_agent;
    Times alone;
};

Figure added(const std::string& what, double percent, const Samples& samples, double target) {
    const auto alone = percentile(samples.alone, percent);
    const auto value = percentile(samples.through_agent, percent) - alone;
    const auto limit = percentile(samples.through_bare_agent, percent) - alone;
    return {.name = "µs added to an RSA-2048 operation, " + what,
            .limit_name = "by two processes that only pass it on",
            .value = value,
            .limit = limit,
            .ratio = value / limit,
            .target = target,
            .kind = Target::kValueAtMost,
            .decimals = 1};
}

}  // namespace

std::vector<Figure> measure_latency(const Settings& settings) {
    const KeyFile file;
    const auto operation = raw_openssl_operation(file.path());
    // Before the agent, whose sockets its processes would keep open.
    const auto ask_bare_agent = bare_agent(operation);
    AgentSide agent(file.key(), 8);
    agent.rate(settings.time / 4);
    Samples samples;
    const auto end = std::chrono::steady_clock::now() + settings.time * settings.rounds;
    while (std::chrono::steady_clock::now() < end) {
        samples.through_agent.push_back(Microseconds(agent.serve_one()).count());
        samples.through_bare_agent.push_back(time_of(ask_bare_agent));
        samples.alone.push_back(time_of(operation));
    }
    for (auto* times : {&samples.through_agent, &samples.through_bare_agent, &samples.alone}) {
        std::ranges::sort(*times);
    }
    return {added("median", 50, samples, 30), added("99th percentile", 99, samples, 100)};
}

}  // namespace ecryptfs::bench
