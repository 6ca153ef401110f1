// SPDX-License-Identifier: Apache-2.0
//
// Memory of agents that wait, and how often they wake up meanwhile.

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <list>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "tests/bench/agent_side.h"
#include "tests/bench/figure.h"
#include "tests/bench/key_file.h"
#include "tests/bench/outside.h"

namespace ecryptfs::bench {
namespace {

constexpr std::size_t kUsers = 100;
// Resident memory of ecryptfsd with one key, in MB, as it was measured in Debian 12.
constexpr double kPeersMemory = 6.9;

// proc(5), /proc/pid/smaps_rollup: "Name:  123 kB".
double megabytes(pid_t pid, const std::string& name) {
    double sum = -1;
    run_outside(fmt::format("cat /proc/{}/smaps_rollup", pid), [&](const std::string& line) {
        std::istringstream fields(line);
        std::string field;
        double kilobytes = 0;
        if (fields >> field >> kilobytes && field == name + ":") {
            sum = kilobytes / 1000;
        }
    });
    if (sum < 0) {
        throw std::runtime_error("only root may measure memory: sudo ./dev bench memory");
    }
    return sum;
}

// The broker, its guard and its hosts.
std::vector<pid_t> processes_of(const test::AgentProcess& agent) {
    std::vector<pid_t> pids = {agent.pid()};
    std::ifstream children(fmt::format("/proc/{0}/task/{0}/children", agent.pid()));
    for (pid_t pid = 0; children >> pid;) {
        pids.push_back(pid);
    }
    return pids;
}

double megabytes(const test::AgentProcess& agent, const std::string& name) {
    double sum = 0;
    for (const auto pid : processes_of(agent)) {
        sum += megabytes(pid, name);
    }
    return sum;
}

// Of all threads, so far.
std::uint64_t wake_ups(const test::AgentProcess& agent) {
    std::uint64_t sum = 0;
    for (const auto pid : processes_of(agent)) {
        for (const auto& task :
             std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid))) {
            std::ifstream lines(task.path() / "status");
            for (std::string name, rest; lines >> name && std::getline(lines, rest);) {
                sum += name == "voluntary_ctxt_switches:" ? std::stoull(rest) : 0;
            }
        }
    }
    return sum;
}

// One of many users, who has the same key as the first.
class OneMore {
  public:
    explicit OneMore(const test::Bytes& packet) {
        if (kernel_.answer_to(kernel_.ask(packet)).status != 0) {
            throw std::runtime_error("the agent answered with a failure");
        }
    }

    const test::AgentProcess& process() const { return agent_; }

  private:
    test::PrivateBus bus_{test::PrivateBus::Messages::kHidden};
    test::FakeKernel kernel_;
    test::AgentProcess agent_{bus_.environment(), kernel_.device()};
};

template <typename Value>
double mean_of(const std::list<OneMore>& agents, Value value) {
    double sum = 0;
    for (const auto& agent : agents) {
        sum += static_cast<double>(value(agent.process()));
    }
    return sum / static_cast<double>(agents.size());
}

}  // namespace

std::vector<Figure> measure_memory(const Settings& settings) {
    const KeyFile file;
    const AgentSide first(file.key(), 1);
    Figure alone{.name = "MB of an agent with a key unlocked, all its processes, PSS",
                 .limit_name = "ecryptfsd, resident",
                 .value = megabytes(first.process(), "Pss"),
                 .limit = kPeersMemory,
                 .target = 1,
                 .kind = Target::kRatioAtMost,
                 .decimals = 1};
    alone.ratio = alone.value / alone.limit;

    std::list<OneMore> agents;
    while (agents.size() < kUsers) {
        agents.emplace_back(first.packet());
    }
    std::this_thread::sleep_for(Seconds(2));  // what starting them left to do is done
    const Seconds time = 2 * settings.time * settings.rounds;
    const auto before = mean_of(agents, wake_ups);
    std::this_thread::sleep_for(time);
    return {alone,
            {.name = fmt::format("MB of each of {} agents, a key unlocked, private dirty", kUsers),
             .value = mean_of(agents,
                              [](const auto& agent) { return megabytes(agent, "Private_Dirty"); }),
             .target = 2,
             .kind = Target::kValueAtMost,
             .decimals = 1},
            {.name = "wake-ups of each in a second",
             .value = (mean_of(agents, wake_ups) - before) / time.count(),
             .target = 1.4,  // to see whether the key's token is still there
             .kind = Target::kValueAtMost,
             .decimals = 2}};
}

}  // namespace ecryptfs::bench
