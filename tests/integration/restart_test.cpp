// SPDX-License-Identifier: Apache-2.0
//
// The agent is killed, stopped or restarted, and started again as a service manager would: no
// request is lost, and keys are as the user left them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <keyutils.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/integration/agent_test.h"
#include "tests/integration/tokens.h"

namespace ecryptfs::test {
namespace {

using namespace std::chrono_literals;

constexpr int kKilled = 128 + SIGKILL;

class Restart : public AgentTest {
  protected:
    void SetUp() override {
        start_agent({"--reply-within", "20"});  // a busy machine takes long to start it again
        kernel_.expect_repeated_replies();
    }

    void kill_and_start_again() {
        ASSERT_EQ(agent_->stop(SIGKILL), kKilled);
        agent_->start_again();
    }

    std::string state_of(const std::string& signature) const { return key(signature)["state"]; }

    pid_t guard() const { return child_named("(ecrypt-guard)"); }

    void wait_for_guard_other_than(pid_t old) const {
        wait_until("there is another guard", [&] {
            const auto pid = guard();
            return pid != old && pid != 0;
        });
    }

    const Bytes file_key_ = make_file_key(24);
};

TEST_F(Restart, KillLosesNoRequest) {
    const auto signature = add_k2048();
    const auto packets = different_packets(signature, 100);
    std::size_t right = 0;
    const auto take_answers = [&] {
        kernel_.wait_for_answers();
        kernel_.take_new_answers(
            [&](const Answer& answer) { right += answer.status == 0 ? 1 : 0; });
    };
    for (int round = 0; round < 5; ++round) {
        for (const auto& packet : packets) {
            kernel_.ask(packet);
        }
        take_answers();
        kill_and_start_again();
        while (kernel_.unanswered() > 0 && !HasFailure()) {
            take_answers();
        }
    }
    EXPECT_EQ(right, 500U);
}

TEST_F(Restart, ServiceManagerLosesNoRequest) {
    const auto signature = add_faulty("slow?300");
    const auto index = kernel_.ask_to_decrypt(signature, wrapped(signature, file_key_));
    EXPECT_EQ(agent_->stop(), 0);
    agent_->start_again();
    EXPECT_THAT(kernel_.answer_to(index), Gives(file_key_));
}

TEST_F(Restart, KeysStayUnlockedOrLocked) {
    const auto unlocked = add_k2048();
    const auto locked = add({"example:a", "--module", "example"});  // opens without a secret
    const auto of_unlocked = wrapped(unlocked, file_key_);
    const auto of_locked = wrapped(locked, file_key_);
    EXPECT_EQ(ctl({"lock", locked}).exit_code, 0);
    for (int i = 0; i < 3; ++i) {
        kill_and_start_again();
        EXPECT_THAT(kernel_.decrypt(unlocked, of_unlocked), Gives(file_key_));
        EXPECT_THAT(kernel_.decrypt(locked, of_locked), FailsFor(ErrorCode::kKeyLocked));
        EXPECT_EQ(state_of(locked), "locked");
    }
    EXPECT_EQ(ctl({"unlock", locked}).exit_code, 0);
    EXPECT_EQ(ctl({"lock", unlocked}).exit_code, 0);
    kill_and_start_again();
    EXPECT_THAT(kernel_.decrypt(unlocked, of_unlocked), FailsFor(ErrorCode::kKeyLocked));
    EXPECT_THAT(kernel_.decrypt(locked, of_locked), Gives(file_key_));
}

TEST_F(Restart, KeyWithLargeTokenStaysLocked) {
    const auto signature = add_faulty("ok?" + std::string(4'070, 'x'));  // opens without a secret
    const auto encrypted = wrapped(signature, file_key_);
    EXPECT_EQ(ctl({"lock", signature}).exit_code, 0);
    kill_and_start_again();
    EXPECT_THAT(kernel_.decrypt(signature, encrypted), FailsFor(ErrorCode::kKeyLocked));
    EXPECT_EQ(state_of(signature), "locked");
}

TEST_F(Restart, LockWithoutRoomLocksUnnotedKeys) {
    const auto signature = add({"example:a", "--module", "example"});  // opens without a secret
    const auto other = add_k2048();
    const auto encrypted = wrapped(signature, file_key_);
    const auto of_other = wrapped(other, file_key_);
    ASSERT_EQ(agent_->stop(SIGKILL), kKilled);
    const std::uint32_t no_room = 1;
    constexpr off_t kNoRoomAt = 16;  // agent/runtime/handover.cpp, Layout
    ASSERT_EQ(::pwrite(agent_->kept("memory"), &no_room, sizeof(no_room), kNoRoomAt),
              static_cast<ssize_t>(sizeof(no_room)));
    agent_->start_again();
    EXPECT_THAT(kernel_.decrypt(signature, encrypted), FailsFor(ErrorCode::kKeyLocked));
    EXPECT_THAT(kernel_.decrypt(other, of_other), Gives(file_key_));
    EXPECT_EQ(ctl({"unlock", signature}).exit_code, 0);
    kill_and_start_again();  // it has a note now
    EXPECT_THAT(kernel_.decrypt(signature, encrypted), Gives(file_key_));
}

TEST_F(Restart, SessionKeysAreRemembered) {
    const auto signature =
        add({"faulty:secret", "--module", "faulty", "--keyring", "session"}, "open sesame");
    const auto encrypted = wrapped(signature, file_key_);
    kill_and_start_again();
    EXPECT_THAT(kernel_.decrypt(signature, encrypted), Gives(file_key_));
}

TEST_F(Restart, ReplacedTokenGetsNoOldSecret) {
    const auto signature = add_k2048();
    const auto encrypted = wrapped(signature, file_key_);
    ASSERT_EQ(agent_->stop(SIGKILL), kKilled);
    // The same token once more, but another key of the kernel's.
    const auto old = static_cast<key_serial_t>(
        ::keyctl_search(KEY_SPEC_USER_KEYRING, "user", signature.c_str(), 0));
    ASSERT_GT(old, 0);
    Bytes token(4096);
    token.resize(static_cast<std::size_t>(
        ::keyctl_read(old, reinterpret_cast<char*>(token.data()), token.size())));
    ASSERT_EQ(::keyctl_unlink(old, KEY_SPEC_USER_KEYRING), 0);
    ASSERT_GT(
        ::add_key("user", signature.c_str(), token.data(), token.size(), KEY_SPEC_USER_KEYRING), 0);
    agent_->start_again();
    EXPECT_THAT(kernel_.decrypt(signature, encrypted), FailsFor(ErrorCode::kKeyLocked));
}

TEST_F(Restart, OtherMemoryVersionStartsAfresh) {
    const auto signature = add({"example:a", "--module", "example"});  // opens without a secret
    const auto encrypted = wrapped(signature, file_key_);
    ASSERT_EQ(agent_->stop(SIGKILL), kKilled);
    const std::uint64_t other_version = 1;
    ASSERT_EQ(::pwrite(agent_->kept("memory"), &other_version, sizeof(other_version), 0),
              static_cast<ssize_t>(sizeof(other_version)));
    agent_->start_again();
    EXPECT_EQ(ctl({"lock", signature}).exit_code, 0);
    kill_and_start_again();
    EXPECT_THAT(kernel_.decrypt(signature, encrypted), FailsFor(ErrorCode::kKeyLocked));
}

TEST_F(Restart, RequestIsReplayedTwiceAtMost) {
    const auto signature = add_faulty("hang");
    const auto index = kernel_.ask_to_decrypt(signature, wrapped(signature, file_key_));
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(queue()["received"], i == 0 ? 2 : 1);
        kill_and_start_again();
    }
    const auto answer = kernel_.answer_to(index);
    EXPECT_THAT(answer, FailsFor(ErrorCode::kModuleFailed));
}

TEST_F(Restart, StoppedAgentIsReplaced) {
    const auto signature = add_k2048();
    const auto encrypted = wrapped(signature, file_key_);
    ASSERT_EQ(::kill(agent_->pid(), SIGSTOP), 0);
    const auto index = kernel_.ask_to_decrypt(signature, encrypted);
    agent_->expect_exit(kKilled);  // by its guard
    agent_->start_again();
    agent_->expect_exit_code(0);
    EXPECT_THAT(kernel_.answer_to(index), Gives(file_key_));
}

TEST_F(Restart, StoppedIdleAgentIsNotReplaced) {
    ASSERT_EQ(::kill(agent_->pid(), SIGSTOP), 0);
    std::this_thread::sleep_for(2s);
    ASSERT_EQ(::kill(agent_->pid(), SIGCONT), 0);
    EXPECT_EQ(ctl({"status"}).exit_code, 0);
}

TEST_F(Restart, GuardReadsDuringSlowRestart) {
    const auto signature = add_k2048();
    const auto encrypted = wrapped(signature, file_key_);
    for (const int signal : {SIGKILL, SIGTERM}) {
        const auto old_guard = guard();
        agent_->stop(signal);
        const auto index = kernel_.ask_to_decrypt(signature, encrypted);
        wait_until("the guard has read it", [&] { return kernel_.is_all_read(); });
        std::this_thread::sleep_for(1s);
        agent_->start_again();
        EXPECT_THAT(kernel_.answer_to(index), Gives(file_key_));
        expect_ends(old_guard);
    }
}

TEST_F(Restart, GuardLetsDeviceGoWithoutRestart) {
    ASSERT_EQ(agent_->stop(SIGKILL), kKilled);
    agent_->expect_exit_code(kKilled);
    kernel_.send_raw(FakeKernel::frame(decrypt_packet(kK2048Signature, Bytes(256)), 1, 1));
    wait_until("the guard has read it", [&] { return kernel_.is_all_read(); });
    EXPECT_FALSE(kernel_.is_let_go_of());
    agent_.reset();  // and its service manager
    wait_until("the guard has gone", [&] { return kernel_.is_let_go_of(); });
}

TEST_F(Restart, RequestsThatFoundRoomAreServed) {
    const auto signature = add_k2048();
    const auto packet = decrypt_packet(signature, wrapped(signature, file_key_));
    state_of(signature);  // an agent that answers this has done with what it answered before
    ASSERT_EQ(agent_->stop(SIGKILL), kKilled);
    for (int i = 0; i < 1'024; ++i) {
        kernel_.ask(packet);
    }
    for (std::uint32_t i = 0; i < 100; ++i) {
        kernel_.send_raw(FakeKernel::frame(packet, 100'000 + i, 100'000 + i));
    }
    wait_until("the guard has read them", [&] { return kernel_.is_all_read(); });
    agent_->start_again();
    std::size_t right = 0;
    while (kernel_.unanswered() > 0 && !HasFailure()) {
        kernel_.wait_for_answers();
        kernel_.take_new_answers(
            [&](const Answer& answer) { right += answer.status == 0 ? 1 : 0; });
    }
    EXPECT_EQ(right, 1'024U);
    expect_round_trip(signature);
}

TEST_F(Restart, KilledGuardIsReplaced) {
    wait_for_guard_other_than(0);
    const auto first = guard();
    ASSERT_EQ(::kill(first, SIGKILL), 0);
    wait_for_guard_other_than(first);
    ASSERT_EQ(::kill(agent_->pid(), SIGSTOP), 0);
    kernel_.ask_to_decrypt(kK2048Signature, Bytes(256));
    agent_->expect_exit(kKilled);
    agent_->start_again();
    agent_->expect_exit_code(0);
    kernel_.wait_for_answers();
}

// Times that a process slept and woke.
std::uint64_t wake_ups_of(pid_t process) {
    std::uint64_t sum = 0;
    for (const auto& task :
         std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task")) {
        std::ifstream status(task.path() / "status");
        for (std::string word; status >> word;) {
            if (std::uint64_t count = 0; word == "voluntary_ctxt_switches:" && status >> count) {
                sum += count;
            }
        }
    }
    return sum;
}

struct WakeUps {
    std::uint64_t of_agent = 0;
    std::uint64_t of_children = 0;
};

// While nothing happens for 5 s. Before that, what was begun comes to its end.
WakeUps idle_wake_ups(pid_t agent) {
    const auto count = [&] {
        WakeUps sum{.of_agent = wake_ups_of(agent)};
        for (const auto child : children_of(agent)) {
            sum.of_children += wake_ups_of(child);
        }
        return sum;
    };
    std::this_thread::sleep_for(2s);
    const auto before = count();
    EXPECT_GT(before.of_agent, 0U);
    EXPECT_GT(before.of_children, 0U);
    std::this_thread::sleep_for(5s);
    const auto after = count();
    return {after.of_agent - before.of_agent, after.of_children - before.of_children};
}

TEST_F(Restart, IdleAgentNeverWakesUp) {
    const auto signature = add_k2048();
    expect_round_trip(signature);
    ASSERT_EQ(ctl({"lock", signature}).exit_code, 0);
    const auto idle = idle_wake_ups(agent_->pid());
    // A sanitizer has a thread of its own that wakes up.
    EXPECT_TRUE(has_sanitizers() || idle.of_agent + idle.of_children == 0);
}

TEST_F(Restart, UnlockedKeyWakesAgentOnceASecond) {
    expect_round_trip(add_k2048());
    const auto idle = idle_wake_ups(agent_->pid());
    EXPECT_GE(idle.of_agent, 4U);  // to see whether its token is still there
    EXPECT_TRUE(has_sanitizers() || idle.of_agent <= 8);
    EXPECT_TRUE(has_sanitizers() || idle.of_children == 0);
}

TEST_F(Restart, LostDeviceIsNotKept) {
    EXPECT_TRUE(agent_->keeps("device"));
    EXPECT_TRUE(agent_->keeps("memory"));
    kernel_.close();
    wait_until("it is given up", [&] { return !agent_->keeps("device"); });
    EXPECT_EQ(guard(), 0);
}

}  // namespace
}  // namespace ecryptfs::test
