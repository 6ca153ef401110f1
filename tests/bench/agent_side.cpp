// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/agent_side.h"

#include <algorithm>
#include <iterator>
#include <stdexcept>

namespace ecryptfs::bench {
namespace {

using test::Clock;

test::Environment environment_of(const test::PrivateBus& bus, const AgentKey& key) {
    auto environment = bus.environment();
    if (!key.softhsm_conf.empty()) {
        environment["SOFTHSM2_CONF"] = key.softhsm_conf;
    }
    return environment;
}

void require_success(const test::Answer& answer) {
    if (answer.status != 0) {
        throw std::runtime_error("the agent answered with a failure");
    }
}

}  // namespace

AgentSide::AgentSide(const AgentKey& key, std::size_t in_flight) : in_flight_(in_flight) {
    agent_.emplace(environment_of(bus_, key), kernel_.device());
    add_key(key);
}

// No two requests under way may be the same: the agent would do them together.
void AgentSide::add_key(const AgentKey& key) {
    test::Arguments arguments = {"add-key", key.uri, "--module", key.module};
    if (!key.secret.empty()) {
        arguments.insert(arguments.end(), {"--passphrase-file", "-"});
    }
    test::Outcome outcome;
    // The kernel gives back the quota of keys that are gone when it gets round to it.
    test::wait_until("the key is added", [&] {
        outcome = ctl(arguments, key.secret);
        return outcome.exit_code != test::code(base::ErrorCode::kQuotaExceeded);
    });
    if (outcome.exit_code != 0) {
        throw std::runtime_error(outcome.err);
    }
    signature_ = outcome.out.substr(0, outcome.out.find('\n'));
    std::ranges::move(different_packets(signature_, 2 * in_flight_), std::back_inserter(packets_));
}

double AgentSide::rate(Seconds time) {
    const auto start = Clock::now();
    std::uint64_t asked = 0;
    keep_asking([&] { return Clock::now() - start < time && ++asked > 0; });
    return static_cast<double>(asked) / Seconds(Clock::now() - start).count();
}

void AgentSide::serve(std::size_t count) {
    keep_asking([&] { return count-- > 0; });
}

void AgentSide::keep_asking(const std::function<bool()>& goes_on) {
    bool more = true;
    while (more || kernel_.unanswered() > 0) {
        while (more && kernel_.unanswered() < in_flight_) {
            more = goes_on();
            if (more) {
                kernel_.ask(packets_.at(next_++ % packets_.size()));
            }
        }
        if (kernel_.unanswered() > 0) {
            kernel_.wait_for_answers();
            kernel_.take_new_answers(require_success);
        }
    }
}

Seconds AgentSide::serve_one() {
    return time_of(packets_.at(next_++ % packets_.size()), true);
}

Seconds AgentSide::refuse(base::ByteView encrypted) {
    return time_of(test::decrypt_packet(signature_, encrypted), false);
}

Seconds AgentSide::time_of(const test::Bytes& packet, bool succeeds) {
    const auto start = Clock::now();
    const auto answer = kernel_.answer_to(kernel_.ask(packet));
    const Seconds taken = Clock::now() - start;
    if ((answer.status == 0) != succeeds) {
        throw std::runtime_error("the agent answered in another way than it should");
    }
    return taken;
}

std::unique_ptr<Side> through_agent(const AgentKey& key, std::size_t in_flight) {
    return std::make_unique<AgentSide>(key, in_flight);
}

}  // namespace ecryptfs::bench
