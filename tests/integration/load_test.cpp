// SPDX-License-Identifier: Apache-2.0
//
// More requests than anybody has files: each is answered once, and nothing grows.

#include <gtest/gtest.h>

#include "tests/integration/agent_test.h"

namespace ecryptfs::test {
namespace {

using namespace std::chrono_literals;

// Sanitizers make each request some ten times as expensive, and keep freed memory.
const int kFlood = has_sanitizers() ? 20'000 : 100'000;
const bool kMemoryTells = !has_sanitizers();
constexpr std::size_t kAtATime = 512;
// Beyond these the agent refuses.
constexpr std::size_t kMaxInFlight = 1024;

class Load : public AgentTest {
  protected:
    // Sends this many requests, some hundred of them at a time.
    void flood(int requests, const std::function<std::uint32_t()>& ask, std::size_t at_a_time,
               const std::function<void(const Answer&)>& check) {
        for (int i = 0; i < requests && !HasFailure(); ++i) {
            while (kernel_.unanswered() >= at_a_time && !HasFailure()) {
                check_next(check);
            }
            ask();
        }
        while (kernel_.unanswered() > 0 && !HasFailure()) {
            check_next(check);
        }
        kernel_.take_new_answers(check);
    }
    void check_next(const std::function<void(const Answer&)>& check) {
        kernel_.wait_for_answers();
        kernel_.take_new_answers(check);
    }
};

TEST_F(Load, HundredThousandRequestsAreAnsweredOnce) {
    start_agent();
    const auto signature = add_faulty("ok");
    const auto packets = different_packets(signature, kAtATime);
    int right = 0;
    std::size_t next = 0;
    const auto ask = [&] { return kernel_.ask(packets.at(next++ % packets.size())); };
    const auto check = [&](const Answer& answer) {
        right += answer.status == 0 && wire::has_valid_checksum(answer.data) ? 1 : 0;
    };
    flood(2'000, ask, kAtATime, check);
    const auto memory = agent_->memory();
    flood(kFlood, ask, kAtATime, check);
    EXPECT_EQ(right, 2'000 + kFlood);
    if (kMemoryTells) {
        EXPECT_LT(agent_->memory(), memory + 1'024) << "kB, before: " << memory;
    }
    kernel_.expect_no_more_replies();
    const auto counts = queue();
    EXPECT_EQ(counts["answered"], 2'000 + kAtATime + kFlood);
    EXPECT_EQ(counts["received"], 2'000 + kAtATime + kFlood);
    EXPECT_EQ(counts["in_flight"], 0);
    EXPECT_EQ(module("faulty")["restarts"], 0);
}

TEST_F(Load, FailingRequestsAreAnsweredOnce) {
    start_agent();
    const auto packet = decrypt_packet("0123456789abcdef", Bytes(256, 1));
    int right = 0;
    flood(
        10'000, [&] { return kernel_.ask(packet); }, 512,
        [&](const Answer& answer) {
            right += answer.status == code(ErrorCode::kUnknownKey) ? 1 : 0;
        });
    EXPECT_EQ(right, 10'000);
    EXPECT_EQ(queue()["failed"], 10'000);
    EXPECT_LT(std::ranges::count(agent_->log(), '\n'), 40);
}

TEST_F(Load, SurplusIsRefusedAtOnce) {
    start_agent({"--reply-within", "2"});
    const auto signature = add_faulty("slow?500");
    constexpr std::size_t kSurplus = 300;
    const auto packets = different_packets(signature, kMaxInFlight + kSurplus);
    std::map<int, int> by_status;
    Clock::duration last_refusal{};
    Clock::duration first_time_out = Clock::duration::max();
    for (const auto& packet : packets) {
        kernel_.ask(packet);
    }
    while (kernel_.unanswered() > 0 && !HasFailure()) {
        kernel_.wait_for_answers();
        kernel_.take_new_answers([&](const Answer& answer) {
            ++by_status[answer.status];
            if (answer.status == code(ErrorCode::kOverloaded)) {
                last_refusal = std::max(last_refusal, answer.after);
            } else if (answer.status == code(ErrorCode::kTimedOut)) {
                first_time_out = std::min(first_time_out, answer.after);
            }
        });
    }
    // None of the first has been answered when the surplus arrives, or few on a slow machine.
    EXPECT_NEAR(by_status[code(ErrorCode::kOverloaded)], kSurplus, 20);
    EXPECT_GT(by_status[0], 0);
    EXPECT_GT(by_status[code(ErrorCode::kTimedOut)], 0);
    EXPECT_EQ(by_status.size(), 3U);
    EXPECT_LT(last_refusal, first_time_out);
    EXPECT_EQ(queue()["in_flight"], 0);
}

TEST_F(Load, RepliesWaitForTheKernel) {
    start_agent();
    const auto signature = add_faulty("ok");
    const auto file_key = make_file_key(16);
    const auto packet = decrypt_packet(signature, wrapped(signature, file_key));
    // As many as both sockets hold, and none read meanwhile.
    std::vector<std::uint32_t> asked;
    while (const auto index = kernel_.try_to_ask(packet, 300ms)) {
        asked.push_back(*index);
    }
    std::size_t right = 0;
    std::size_t refused = 0;
    for (const auto index : asked) {
        const auto answer = kernel_.answer_to(index);
        right += answer.data == file_key ? 1 : 0;
        refused += answer.status == code(ErrorCode::kOverloaded) ? 1 : 0;
    }
    EXPECT_GT(right, 100U);
    EXPECT_EQ(right + refused, asked.size());
}

}  // namespace
}  // namespace ecryptfs::test
