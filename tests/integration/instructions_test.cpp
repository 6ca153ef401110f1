// SPDX-License-Identifier: Apache-2.0
//
// What a request costs the broker, in instructions: unlike times, they are the same on a busy
// machine.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/integration/agent_test.h"

namespace ecryptfs::test {
namespace {

// Each, in the build that the tests are for: GCC 12, Debian 12's libraries, without optimization.
constexpr double kRecorded = 91'000;
constexpr double kGrowth = 1.10;

class Instructions : public AgentTest {
  protected:
    // Of a broker's whole life with so many requests, one at a time.
    double count(int requests) {
        FakeKernel kernel;
        const auto out = (folder_.path() / fmt::format("{}.%p", requests)).string();
        auto command = agent_command({}, bus_.environment());
        command.arguments.insert(command.arguments.begin(),
                                 {"--tool=callgrind", "--callgrind-out-file=" + out,
                                  "--trace-children=no", "--quiet", command.program});
        command.program = "/usr/bin/valgrind";
        command.environment["LD_PRELOAD"] = ECRYPTFS_VALGRIND_MLOCK2;
        AgentProcess agent(command, kernel.device());
        const auto pid = agent.pid();
        const auto signature = add({"example:a", "--module", "example"});
        const auto packet =
            decrypt_packet(signature, kernel.encrypt(signature, make_file_key(16)).data);
        for (int i = 0; i < requests; ++i) {
            EXPECT_EQ(kernel.answer_to(kernel.ask(packet)).status, 0);
        }
        EXPECT_EQ(agent.stop(), 0);
        return total(folder_.path() / fmt::format("{}.{}", requests, pid));
    }

  private:
    static double total(const std::filesystem::path& file) {
        std::ifstream lines(file);
        for (std::string line; std::getline(lines, line);) {
            if (line.starts_with("totals: ")) {
                return std::stod(line.substr(line.find(' ')));
            }
        }
        throw std::runtime_error("callgrind has counted nothing");
    }
};

TEST_F(Instructions, RequestCostsNoMoreThanRecorded) {
    if (has_sanitizers() || __GNUC__ != 12) {
        GTEST_SKIP() << "counted without sanitizers, by GCC 12";
    }
    const double each = (count(10'500) - count(500)) / 10'000;
    EXPECT_LE(each, kGrowth * kRecorded);
}

}  // namespace
}  // namespace ecryptfs::test
