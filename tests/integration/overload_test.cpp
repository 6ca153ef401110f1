// SPDX-License-Identifier: Apache-2.0
//
// More is asked for than a slow token can do in the kernel's three seconds.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <filesystem>

#include "tests/integration/agent_test.h"

namespace ecryptfs::test {
namespace {

class Overload : public AgentTest {
  protected:
    void SetUp() override { start_agent(); }

    // Those answered with a file key: not later than the agent's limit, while their opener waits.
    int goodput() {
        int good = 0;
        while (kernel_.unanswered() > 0 && !HasFailure()) {
            kernel_.wait_for_answers();
            kernel_.take_new_answers(
                [&](const Answer& answer) { good += answer.status == 0 ? 1 : 0; });
        }
        return good;
    }
};

TEST_F(Overload, IdenticalRequestsShareOneOperation) {
    const auto file = folder_.file("count", "");
    const auto signature = add_faulty("counted?" + file);
    const auto packet = different_packets(signature, 1).front();
    constexpr int kOpeners = 50;
    for (int i = 0; i < kOpeners; ++i) {
        kernel_.ask(packet);
    }
    EXPECT_EQ(goodput(), kOpeners);
    // One, unless this machine took more than 0.2 s to ask.
    EXPECT_LT(std::filesystem::file_size(file), 5U);
    EXPECT_EQ(queue()["answered"], kOpeners + 1);
    // Later ones are worked on anew.
    const auto before = std::filesystem::file_size(file);
    kernel_.ask(packet);
    EXPECT_EQ(goodput(), 1);
    EXPECT_EQ(std::filesystem::file_size(file), before + 1);
}

TEST_F(Overload, IdenticalRequestsFailTogether) {
    const auto signature = add_faulty("wrong-output");
    const auto packet = different_packets(signature, 1).front();
    for (int i = 0; i < 20; ++i) {
        kernel_.ask(packet);
    }
    EXPECT_EQ(goodput(), 0);
    EXPECT_EQ(queue()["failed"], 20);
}

TEST_F(Overload, SlowTokenKeepsItsSpeed) {
    const auto signature = add_faulty("slow?200");
    const auto packets = different_packets(signature, 100);
    // One thread alone could do 14 in the time that the kernel waits.
    for (const auto& packet : packets) {
        kernel_.ask(packet);
    }
    EXPECT_GE(goodput(), 9);
    // What is asked for alone is served at once.
    kernel_.ask(packets.front());
    EXPECT_EQ(goodput(), 1);
}

class OverloadOfStoppedHost : public Overload {
  protected:
    static constexpr std::size_t kMoreThanAHostTakes = 600;

    void SetUp() override { start_agent({"--reply-within", "0.9"}); }
};

TEST_F(OverloadOfStoppedHost, UnsentRequestsWithTimeLeftSucceed) {
    const auto signature = add_faulty("ok");
    const auto file_key = make_file_key(24);
    const auto later = decrypt_packet(signature, wrapped(signature, file_key));
    const auto packets = different_packets(signature, kMoreThanAHostTakes);
    const auto host = module("faulty")["host_pid"].get<pid_t>();
    stand_still(host);
    for (const auto& packet : packets) {
        kernel_.ask(packet);
    }
    EXPECT_EQ(goodput(), 0);  // all have run out of time, and the host still has some of them
    const auto index = kernel_.ask(later);
    wait_until("the agent has read the request", [&] { return kernel_.is_all_read(); });
    // On a slow machine the agent may have found out that it hangs, and killed it.
    ASSERT_TRUE(::kill(host, SIGKILL) == 0 || errno == ESRCH);
    EXPECT_THAT(kernel_.answer_to(index), Gives(file_key));
}

}  // namespace
}  // namespace ecryptfs::test
