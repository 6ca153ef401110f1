// SPDX-License-Identifier: Apache-2.0
//
// What more keys, more requests and more of them at once cost: nothing is the aim.

#include <fmt/format.h>

#include "tests/bench/agent_side.h"
#include "tests/bench/figure.h"

namespace ecryptfs::bench {
namespace {

constexpr int kManyKeys = 25;
constexpr std::size_t kUsualInFlight = 32;
constexpr std::size_t kManyInFlight = 500;

AgentKey key(int number) {
    return {fmt::format("example:{}", static_cast<char>('a' + number)), "example", "", ""};
}

Figure many_keys(const Settings& settings) {
    const auto one = through_agent(key(0), kUsualInFlight);
    AgentSide many(key(0), kUsualInFlight);
    for (int i = 1; i < kManyKeys; ++i) {
        many.add_key(key(i));
    }
    return compare(settings,
                   {.name = fmt::format("requests/s with {} keys", kManyKeys),
                    .limit_name = "with one",
                    .target = 0.95},
                   many, *one);
}

Figure many_in_flight(const Settings& settings) {
    const auto many = through_agent(key(0), kManyInFlight);
    const auto usual = through_agent(key(0), kUsualInFlight);
    return compare(settings,
                   {.name = fmt::format("requests/s, {} at once", kManyInFlight),
                    .limit_name = fmt::format("{} at once", kUsualInFlight),
                    .target = 0.95},
                   *many, *usual);
}

Figure many_requests(const Settings& settings) {
    AgentSide agent(key(0), kUsualInFlight);
    const auto count = static_cast<std::size_t>(settings.rounds > 3 ? 1'000'000 : 100'000);
    agent.serve(1000);
    const auto before = static_cast<double>(agent.process().memory());
    agent.serve(count);
    Figure figure{.name = fmt::format("kB of the broker after {} requests", count),
                  .limit_name = "after 1000",
                  .value = static_cast<double>(agent.process().memory()),
                  .limit = before,
                  .target = 1.01,
                  .kind = Target::kRatioAtMost};
    figure.ratio = figure.value / figure.limit;
    return figure;
}

}  // namespace

std::vector<Figure> measure_growth(const Settings& settings) {
    return {many_keys(settings), many_in_flight(settings), many_requests(settings)};
}

}  // namespace ecryptfs::bench
