// SPDX-License-Identifier: Apache-2.0
//
// Modules that are slow, hang, crash or lie: what that costs their own requests, and that it costs
// others nothing.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <future>

#include "tests/integration/agent_test.h"
#include "tests/integration/tokens.h"

namespace ecryptfs::test {
namespace {

using namespace std::chrono_literals;

using ::testing::HasSubstr;
using ::testing::Not;

void wait_until_gone(const std::string& file) {
    wait_until(file + " is gone", [&] { return !std::filesystem::exists(file); });
}

class HostTest : public AgentTest {
  protected:
    // A busy machine must not fail what a quick one does in time.
    void SetUp() override { start_agent({"--reply-within", "20"}); }

    // A request to unwrap `file_key_`, on its way.
    std::uint32_t ask(const std::string& signature) {
        return kernel_.ask_to_decrypt(signature, wrapped(signature, file_key_));
    }
    Answer decrypted(const std::string& signature) { return kernel_.answer_to(ask(signature)); }
    // 0 if none runs.
    pid_t host_of(const std::string& name) const {
        const auto pid = module(name)["host_pid"];
        return pid.is_null() ? 0 : pid.get<pid_t>();
    }

    const Bytes file_key_ = make_file_key(24);
};

TEST_F(HostTest, SlowHostDelaysNoOtherModule) {
    const auto slow = add_faulty("slow?700");
    const auto other = add({"example:a", "--module", "example"});
    const auto packet = decrypt_packet(slow, wrapped(slow, file_key_));
    for (int i = 0; i < 4; ++i) {
        kernel_.ask(packet);
    }
    for (int i = 0; i < 10; ++i) {
        expect_round_trip(other);
    }
    EXPECT_EQ(kernel_.unanswered(), 4U);
    int right = 0;
    while (kernel_.unanswered() > 0) {
        kernel_.wait_for_answers();
        kernel_.take_new_answers(
            [&](const Answer& answer) { right += answer.data == file_key_ ? 1 : 0; });
    }
    EXPECT_EQ(right, 4);
    EXPECT_EQ(module("faulty")["restarts"], 0);
}

TEST_F(HostTest, KilledWorkingHostLosesNoRequest) {
    const auto flag = folder_.file("flag", "");
    const auto signature = add_faulty("hang-once?" + flag);
    const auto index = ask(signature);
    wait_until_gone(flag);  // it is in the module now
    ASSERT_EQ(::kill(host_of("faulty"), SIGKILL), 0);
    EXPECT_THAT(kernel_.answer_to(index), Gives(file_key_));
    EXPECT_EQ(module("faulty")["restarts"], 1);
    EXPECT_EQ(queue()["failed"], 0);
}

TEST_F(HostTest, KilledIdleHostIsStartedAgain) {
    const auto signature = add({"faulty:secret", "--module", "faulty"}, "open sesame");
    const auto encrypted = wrapped(signature, file_key_);
    for (const int signal : {SIGKILL, SIGRTMIN, SIGKILL}) {
        ASSERT_EQ(::kill(host_of("faulty"), signal), 0);
        // Also with the secret that it was opened with.
        EXPECT_THAT(kernel_.decrypt(signature, encrypted), Gives(file_key_));
    }
}

TEST_F(HostTest, HungHostDoesNotBringBackLockedKey) {
    const auto flag = folder_.file("flag", "");
    const auto signature = add_faulty("hang-once?" + flag);
    const auto index = ask(signature);
    wait_until_gone(flag);
    EXPECT_EQ(ctl({"lock", signature}).exit_code, 0);
    EXPECT_NE(kernel_.answer_to(index).status, 0);
    EXPECT_EQ(key(signature)["state"], "locked");
}

TEST_F(HostTest, KeyRemovalWorksUnderOverload) {
    const auto signature = add_faulty("slow?100");
    for (const auto& packet : different_packets(signature, 64)) {
        kernel_.ask(packet);
    }
    EXPECT_EQ(ctl({"remove-key", signature}).exit_code, 0);
    while (kernel_.unanswered() > 0 && !HasFailure()) {
        kernel_.wait_for_answers();
        kernel_.take_new_answers([](const Answer&) {});
    }
    EXPECT_EQ(key(signature), nullptr);
}

TEST_F(HostTest, LockWaitsUntilHostClosedKey) {
    const auto signature = add_faulty("closed?" + folder_.file("closed", ""));
    const auto host = host_of("faulty");
    stand_still(host);
    auto locked = std::async(std::launch::async, [&] { return ctl({"lock", signature}); });
    wait_until("the agent has heard of it", [&] { return key(signature)["state"] == "locked"; });
    EXPECT_EQ(locked.wait_for(300ms), std::future_status::timeout);
    ASSERT_EQ(::kill(host, SIGCONT), 0);
    EXPECT_EQ(locked.get().exit_code, 0);
    EXPECT_EQ(std::filesystem::file_size(folder_.path() / "closed"), 1U);
    EXPECT_EQ(host_of("faulty"), host);
}

TEST_F(HostTest, WorkingHostClosesKeyWhenDone) {
    const auto signature = add_faulty("slow?700");
    const auto host = host_of("faulty");
    const auto index = ask(signature);
    wait_until("the agent has read the request", [&] { return kernel_.is_all_read(); });
    EXPECT_EQ(ctl({"lock", signature}).exit_code, 0);
    EXPECT_EQ(queue()["in_flight"], 0);
    kernel_.answer_to(index);
    EXPECT_EQ(host_of("faulty"), host);
    EXPECT_EQ(key(signature)["state"], "locked");
}

TEST_F(HostTest, KeyBeingClosedCanBeOpenedAgain) {
    const auto signature = add({"faulty:secret", "--module", "faulty"}, "open sesame");
    const auto encrypted = wrapped(signature, file_key_);
    const auto host = host_of("faulty");
    stand_still(host);
    auto locked = std::async(std::launch::async, [&] { return ctl({"lock", signature}); });
    wait_until("the agent has heard of it", [&] { return key(signature)["state"] == "locked"; });
    auto unlocked = std::async(std::launch::async, [&] {
        return ctl({"unlock", signature, "--passphrase-file", "-"}, "open sesame");
    });
    EXPECT_EQ(unlocked.wait_for(300ms), std::future_status::timeout);
    ASSERT_EQ(::kill(host, SIGCONT), 0);
    EXPECT_EQ(locked.get().exit_code, 0);
    EXPECT_EQ(unlocked.get().exit_code, 0);
    EXPECT_THAT(kernel_.decrypt(signature, encrypted), Gives(file_key_));
    EXPECT_EQ(host_of("faulty"), host);
}

TEST_F(HostTest, SlowCloseKillsHostAndLosesNoRequest) {
    const auto signature = add_faulty("ok?1");
    const auto other = add_faulty("ok?2");
    const auto encrypted = wrapped(other, file_key_);
    const auto host = host_of("faulty");
    stand_still(host);
    auto locked = std::async(std::launch::async, [&] { return ctl({"lock", signature}); });
    wait_until("the agent has heard of it", [&] { return key(signature)["state"] == "locked"; });
    EXPECT_EQ(locked.get().exit_code, 0);
    EXPECT_THAT(kernel_.decrypt(other, encrypted), Gives(file_key_));
    EXPECT_EQ(module("faulty")["restarts"], 1);
    expect_ends(host);
}

TEST_F(HostTest, HostsWithoutKeysMakeRoom) {
    for (int i = 0; i < 20; ++i) {
        const auto key = fmt::format("faulty:no-modulus?other={}", i);
        EXPECT_EQ(ctl({"add-key", key, "--module", "faulty"}).exit_code,
                  code(ErrorCode::kInvalidKey));
    }
    expect_round_trip(add({"example:a", "--module", "example"}));
}

TEST_F(HostTest, CrashLosesNoRequest) {
    const auto signature = add_faulty("crash-once?" + folder_.file("flag", ""));
    EXPECT_THAT(decrypted(signature), Gives(file_key_));
    EXPECT_EQ(module("faulty")["restarts"], 1);
}

TEST_F(HostTest, HangLosesNoRequest) {
    const auto signature = add_faulty("hang-once?" + folder_.file("flag", ""));
    EXPECT_THAT(decrypted(signature), Gives(file_key_));
    EXPECT_EQ(module("faulty")["restarts"], 1);
}

TEST_F(HostTest, RepeatedCrashFailsOnlyItsRequest) {
    const auto other = add({"example:a", "--module", "example"});
    const auto sound = add_faulty("ok");
    for (const std::string behaviour : {"crash", "exit"}) {
        SCOPED_TRACE(behaviour);
        const auto index = ask(add_faulty(behaviour));
        expect_round_trip(other);
        EXPECT_THAT(kernel_.answer_to(index), FailsFor(ErrorCode::kModuleFailed));
        expect_round_trip(sound);
    }
    EXPECT_EQ(module("example")["restarts"], 0);
    EXPECT_EQ(queue()["failed_by_reason"], Json({{"ModuleFailed", 2}}));
}

TEST_F(HostTest, FatalRequestFailsNoOther) {
    const auto crash = decrypt_packet(add_faulty("crash"), file_key_);
    std::vector<std::uint32_t> sound;
    std::uint32_t fatal = 0;
    for (const auto& packet : different_packets(add_faulty("slow?20"), 20)) {
        sound.push_back(kernel_.ask(packet));
        fatal = fatal == 0 ? kernel_.ask(crash) : fatal;
    }
    EXPECT_THAT(kernel_.answer_to(fatal), FailsFor(ErrorCode::kModuleFailed));
    for (const auto index : sound) {
        EXPECT_EQ(kernel_.answer_to(index).status, 0);
    }
    EXPECT_EQ(module("faulty")["restarts"], 2);
}

TEST_F(HostTest, RepeatedHangFailsOnlyItsRequest) {
    const auto other = add({"example:a", "--module", "example"});
    const auto sound = add_faulty("ok");
    const auto index = ask(add_faulty("hang"));
    expect_round_trip(other);
    const auto answer = kernel_.answer_to(index);
    EXPECT_NE(answer.status, 0);
    EXPECT_TRUE(answer.data.empty());
    expect_round_trip(sound);
    EXPECT_GE(module("faulty")["restarts"], 1);
    EXPECT_EQ(queue()["in_flight"], 0);
}

TEST_F(HostTest, LyingModuleReachesNoKernel) {
    for (const std::string behaviour : {"no-output", "short-output", "large-output", "lies-on-size",
                                        "wrong-output", "unknown-status", "endless-message"}) {
        SCOPED_TRACE(behaviour);
        const auto answer = decrypted(add_faulty(behaviour));
        EXPECT_NE(answer.status, 0);
        EXPECT_TRUE(answer.data.empty());
    }
    expect_round_trip(add_faulty("ok"));
    EXPECT_EQ(queue()["failed"], 7);
    EXPECT_EQ(module("faulty")["restarts"], 0);
}

TEST_F(HostTest, CrashWhileOpeningFailsOnlyThatKey) {
    const auto sound = add_faulty("ok");
    const auto outcome = ctl({"add-key", "faulty:crash-on-open", "--module", "faulty"});
    EXPECT_EQ(outcome.exit_code, code(ErrorCode::kModuleFailed)) << outcome.err;
    EXPECT_EQ(ctl({"add-key", "faulty:no-modulus", "--module", "faulty"}).exit_code,
              code(ErrorCode::kInvalidKey));
    EXPECT_EQ(keys().size(), 1U);
    expect_round_trip(sound);
}

TEST_F(HostTest, RepeatedDeathsLimitRestarts) {
    const auto sound = add_faulty("ok");
    const auto packet = decrypt_packet(sound, wrapped(sound, file_key_));
    const auto crash = add_faulty("crash");
    for (int i = 0; i < 20; ++i) {
        kernel_.ask_to_decrypt(crash, Bytes(128, 1));
    }
    while (kernel_.unanswered() > 0 && !HasFailure()) {
        kernel_.wait_for_answers();
        kernel_.take_new_answers([](const Answer& answer) { EXPECT_NE(answer.status, 0); });
    }
    EXPECT_LE(module("faulty")["restarts"], 2 * 20);
    // It recovers.
    wait_until("a request is answered",
               [&] { return kernel_.answer_to(kernel_.ask(packet)).status == 0; });
}

// A process of the user's may name any library: it must not get at the secrets of others' keys.
TEST_F(HostTest, OtherLibraryGetsItsOwnHost) {
    const auto secret = add({"faulty:secret", "--module", "faulty"}, "open sesame");
    const auto host = host_of("faulty");
    const auto other = add_faulty("ok?module-path=/tmp/mine.so");
    const auto host_of_other = host_of("faulty");
    EXPECT_NE(host, host_of_other);
    add_faulty("ok?x-mechanism=rsa-pkcs");
    EXPECT_EQ(host_of("faulty"), host_of_other);  // no third one was started
    expect_round_trip(secret);
    expect_round_trip(other);
    ASSERT_EQ(::kill(host, SIGKILL), 0);
    expect_round_trip(other);
    expect_round_trip(secret);
    EXPECT_EQ(module("faulty")["restarts"], 1);
    EXPECT_EQ(ctl({"lock"}).exit_code, 0);
    EXPECT_EQ(key(other)["state"], "locked");
    EXPECT_EQ(key(secret)["state"], "locked");
}

TEST_F(HostTest, HostsEndWithTheAgent) {
    add_faulty("ok");
    add({"example:a", "--module", "example"});
    const std::vector<pid_t> hosts = {host_of("faulty"), host_of("example")};
    EXPECT_EQ(agent_->stop(), 0);
    for (const auto pid : hosts) {
        expect_ends(pid);
    }
}

class IdleHostTest : public HostTest {
  protected:
    void SetUp() override { start_agent({"--host-idle-time", "0.3", "--reply-within", "20"}); }

    void expect_ends_idle() const {
        const auto host = host_of("faulty");
        wait_until("the host has ended", [&] { return host_of("faulty") == 0; });
        if (host != 0) {
            expect_ends(host);
        }
    }
};

TEST_F(IdleHostTest, IdleHostEndsAndIsStartedOnDemand) {
    const auto signature = add({"faulty:secret", "--module", "faulty"}, "open sesame");
    const auto encrypted = wrapped(signature, file_key_);
    for (int i = 0; i < 3; ++i) {
        expect_ends_idle();
        EXPECT_THAT(kernel_.decrypt(signature, encrypted), Gives(file_key_));
    }
    EXPECT_EQ(key(signature)["state"], "unlocked");
    EXPECT_EQ(module("faulty")["restarts"], 0);
}

TEST_F(IdleHostTest, IdleHostClosesItsKeysFirst) {
    const auto closed = folder_.file("closed", "");
    add_faulty("closed?" + closed);
    expect_ends_idle();
    EXPECT_EQ(std::filesystem::file_size(closed), 1U);
}

TEST_F(IdleHostTest, LockedKeyIsAskedForAtDeviceAgain) {
    const auto typed = folder_.file("typed", "");
    const auto signature = add_faulty("pad?" + typed);
    expect_round_trip(signature);
    EXPECT_EQ(std::filesystem::file_size(typed), 1U);
    ASSERT_EQ(ctl({"lock", signature}).exit_code, 0);
    expect_ends_idle();
    ASSERT_EQ(ctl({"unlock", signature}).exit_code, 0);
    EXPECT_EQ(std::filesystem::file_size(typed), 2U);
}

// A host that talks nonsense of the kind that its module's name says: see rogue_host.cpp.
class RogueHostTest : public AgentTest {
  protected:
    void SetUp() override { start_agent({"--pki-host", built("tests/fakes/ecryptfs_rogue_host")}); }
};

TEST_F(RogueHostTest, MisbehaviourFailsOnlyItsRequests) {
    constexpr char kSomeSignature[] = "0123456789abcdef";
    const std::vector<std::string> open_wrongly = {
        "garbage", "done-to-open", "other-answers", "other-version", "bad-signature", "wrong-code"};
    const std::vector<std::string> work_wrongly = {"opened-twice", "open-to-work", "huge-output"};
    for (const auto& behaviour : open_wrongly) {
        SCOPED_TRACE(behaviour);
        EXPECT_NE(ctl({"add-key", "rogue:key", "--module", behaviour}).exit_code, 0);
        EXPECT_EQ(user_keyring_size(), 0U);
    }
    int asked = 0;
    for (const auto& behaviours : {open_wrongly, work_wrongly}) {
        for (const auto& behaviour : behaviours) {
            SCOPED_TRACE(behaviour);
            put_token(kSomeSignature, behaviour, "rogue:key");
            const auto answer = kernel_.decrypt(kSomeSignature, Bytes(128, 1));
            EXPECT_NE(answer.status, 0);
            EXPECT_TRUE(answer.data.empty());
            ++asked;
        }
    }
    const auto counts = queue();
    EXPECT_EQ(counts["received"], asked);
    EXPECT_EQ(counts["failed"], asked);
    EXPECT_EQ(counts["in_flight"], 0);
}

TEST_F(RogueHostTest, MisbehaviourDelaysNoOtherModule) {
    constexpr char kSomeSignature[] = "0123456789abcdef";
    const auto other = add({"example:a", "--module", "example"});
    const auto packet = decrypt_packet(other, wrapped(other, make_file_key(16)));
    for (const std::string behaviour : {"hello-for-ever", "done-for-ever", "items-for-ever",
                                        "text-for-ever", "fd-in-channel", "fd-in-text"}) {
        SCOPED_TRACE(behaviour);
        put_token(kSomeSignature, behaviour, "rogue:key");
        const auto rogue = kernel_.ask_to_decrypt(kSomeSignature, Bytes(128, 1));
        do {
            EXPECT_EQ(kernel_.answer_to(kernel_.ask(packet)).status, 0);
        } while (kernel_.unanswered() > 0 && !HasFailure());
        EXPECT_NE(kernel_.answer_to(rogue).status, 0);
    }
    const auto log = agent_->log();
    EXPECT_LT(log.size(), 20'000U);
    EXPECT_THAT(log, HasSubstr("module text-for-ever wrote: ????"));
    EXPECT_THAT(log, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace ecryptfs::test
