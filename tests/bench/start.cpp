// SPDX-License-Identifier: Apache-2.0
//
// How long it takes until there is an agent, and until ecryptfsctl has told its state.

#include <fmt/format.h>
#include <sys/stat.h>

#include <chrono>
#include <stdexcept>

#include "tests/bench/agent_side.h"
#include "tests/bench/figure.h"
#include "tests/fakes/build_under_test.h"

namespace ecryptfs::bench {
namespace {

using Milliseconds = std::chrono::duration<double, std::milli>;
using test::Clock;

constexpr char kName[] = "org.ecryptfs.Agent1";
constexpr char kPath[] = "/org/ecryptfs/Agent1";

double milliseconds_of(const std::function<void()>& work) {
    const auto start = Clock::now();
    work();
    return Milliseconds(Clock::now() - start).count();
}

void run_well(const test::Command& command) {
    if (const auto outcome = test::run(command); outcome.exit_code != 0) {
        throw std::runtime_error(command.program + ": " + outcome.err);
    }
}

test::Command busctl(const test::PrivateBus& bus, const test::Arguments& arguments) {
    test::Arguments all = {"--address=" + bus.address()};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return {"/usr/bin/busctl", all, bus.environment()};
}

// A bus that starts an agent whose device is a FIFO: one that can be opened, and says nothing.
class ActivatedAgent {
  public:
    ActivatedAgent() {
        const auto device = (folder_.path() / "device").string();
        if (::mkfifo(device.c_str(), 0600) != 0) {
            throw std::runtime_error("benchmark: mkfifo");
        }
        const auto command = test::agent_command({"--device", device}, {});
        std::string line = command.program;
        for (const auto& argument : command.arguments) {
            line += " " + argument;
        }
        bus_.add_service(kName, line);
    }
    ~ActivatedAgent() { stop(); }

    const test::PrivateBus& bus() const { return bus_; }

    // The first who asks has it started.
    void read_state() const {
        run_well(busctl(bus_, {"get-property", kName, kPath, kName, "DeviceState"}));
    }
    void stop() const {
        const auto pid = test::run(busctl(bus_, {"status", kName}));
        const auto at = pid.out.find("PID=");
        if (at != std::string::npos) {
            ::kill(std::stoi(pid.out.substr(at + 4)), SIGTERM);
        }
        test::wait_until("the agent is gone",
                         [&] { return test::run(busctl(bus_, {"status", kName})).exit_code != 0; });
    }

  private:
    test::TemporaryFolder folder_;
    test::PrivateBus bus_{test::PrivateBus::Messages::kHidden};
};

}  // namespace

std::vector<Figure> measure_start(const Settings& settings) {
    const int rounds = 3 * settings.rounds;
    const ActivatedAgent agent;
    std::vector<double> starts;
    for (int round = 0; round < rounds; ++round) {
        starts.push_back(milliseconds_of([&] { agent.read_state(); }));
        agent.stop();
    }
    agent.read_state();
    const test::Command status{test::ctl_program(), {"status"}, agent.bus().environment()};
    return {
        {.name = "ms from a message on the bus to an agent with its device open, busctl included",
         .value = median(starts),
         .target = 50,
         .kind = Target::kValueAtMost,
         .decimals = 1},
        compare(
            {.rounds = rounds, .time = {}},
            {.name = "ms of `ecryptfsctl status`",
             .limit_name = "busctl reading a property",
             .target = 2,
             .kind = Target::kRatioAtMost,
             .decimals = 1},
            [&] { return milliseconds_of([&] { run_well(status); }); },
            [&] { return milliseconds_of([&] { agent.read_state(); }); })};
}

}  // namespace ecryptfs::bench
