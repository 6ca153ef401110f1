// SPDX-License-Identifier: Apache-2.0

#include "agent/modules/module_client.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <vector>

#include "agent/runtime/time_limits.h"
#include "tests/support/public_keys.h"
#include "tests/unit/agent/fake_hosts.h"
#include "tests/unit/agent/fake_time.h"
#include "tests/unit/agent/new_key.h"
#include "tests/unit/support.h"

namespace ecryptfs::agent {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using namespace std::chrono_literals;
using test::FailsWith;
using test::FakeHost;
using test::Succeeds;
using test::Told;
using ::testing::HasSubstr;
using ::testing::Not;

class ModuleClientTest : public ::testing::Test {
  protected:
    static constexpr Clock::duration kIdleTime = 5min;

    struct Outcome {
        bool is_success;
        ErrorCode code;
        std::string text;  // the output, the signature or the message
    };

    void SetUp() override { ::testing::internal::CaptureStderr(); }
    void TearDown() override { ::testing::internal::GetCapturedStderr(); }

    std::shared_ptr<Key> key(std::uint64_t id) {
        auto& key = keys_[id];
        if (!key) {
            key = test::new_key(id);
        }
        return key;
    }
    void submit(std::uint64_t key_id, std::optional<base::FileKeyOperation> action,
                Clock::duration time_left) {
        auto& ends = outcomes_.emplace_back();
        client_.submit(
            {key(key_id), action, base::as_bytes("input"), time_.now() + time_left,
             [&ends](const Result<JobResult>& result) { ends.push_back(outcome_of(result)); }});
    }
    void operate(std::uint64_t key_id, Clock::duration time_left = 2800ms) {
        submit(key_id, base::FileKeyOperation::kDecrypt, time_left);
    }
    void open(std::uint64_t key_id) { submit(key_id, {}, kOpenReplyLimit); }

    FakeHost& host() { return launcher_.last(); }
    std::size_t hosts() const { return launcher_.hosts.size(); }
    Told take(Told::Kind kind) {
        auto told = host().take();
        EXPECT_EQ(told.kind, kind);
        return told;
    }
    // Of a key that the host was asked to open.
    void say_opened(const std::string& signature = test::kFakeSignature,
                    const std::string& locator = "") {
        host().say(
            pki::Opened{take(Told::Kind::kOpen).id, signature, "", locator, test::some_rsa_key()});
    }
    void say_done(const std::string& output = "output") {
        host().say(pki::Done{take(Told::Kind::kOperation).id, base::as_bytes(output)});
    }
    void say_failed(ErrorCode code) {
        host().say(pki::Failed{host().take().id, {code, "the host's words", ""}});
    }
    void say_closed() { host().say(pki::Closed{take(Told::Kind::kClose).key}); }
    void open_first_key(std::uint32_t threads = 1) {
        open(1);
        host().greet(threads);
        say_opened();
        outcomes_.clear();
    }
    bool is_closed() {
        bool is_closed = false;
        const auto wait = std::make_shared<CloseWait>([&is_closed] { is_closed = true; });
        client_.add_wait(wait);
        wait->begin();
        return is_closed;
    }
    // Counts when all that is being closed now is.
    void wait_for_close(int& count) {
        const auto wait = std::make_shared<CloseWait>([&count] { ++count; });
        client_.add_wait(wait);
        wait->begin();
    }

    // How the job ended; jobs have numbers from 1.
    const Outcome& outcome(std::size_t number) {
        EXPECT_EQ(outcomes_.at(number - 1).size(), 1U);
        return outcomes_.at(number - 1).front();
    }
    void expect_failure(std::size_t number, ErrorCode code, const std::string& part = "") {
        EXPECT_FALSE(outcome(number).is_success);
        EXPECT_EQ(outcome(number).code, code);
        EXPECT_THAT(outcome(number).text, HasSubstr(part));
    }
    bool is_unanswered(std::size_t number) const { return outcomes_.at(number - 1).empty(); }

    static Outcome outcome_of(const Result<JobResult>& result) {
        if (!result) {
            return {false, result.error().code, result.error().message};
        }
        return {true, ErrorCode::kInternal,
                result->signature ? std::string(result->signature->text())
                                  : std::string(base::as_text(result->output))};
    }

    test::FakeTime time_;
    test::FakeLauncher launcher_;
    std::map<std::uint64_t, std::shared_ptr<Key>> keys_;
    std::deque<std::vector<Outcome>> outcomes_;
    int changes_ = 0;
    ModuleClient client_{time_, launcher_, kIdleTime, wire::PkiType::from_text("fake").value(),
                         [this] { ++changes_; }};
};

TEST_F(ModuleClientTest, SendsNothingBeforeTheGreeting) {
    EXPECT_EQ(hosts(), 0U);
    operate(1);
    ASSERT_EQ(hosts(), 1U);
    EXPECT_EQ(client_.info().pid, host().pid);
    EXPECT_TRUE(host().told.empty());
    host().greet();
    say_opened();
    const auto told = take(Told::Kind::kOperation);
    EXPECT_EQ(base::as_text(told.input), "input");
    EXPECT_EQ(told.key, 1U);
    host().say(pki::Done{told.id, base::as_bytes("file key")});
    EXPECT_EQ(outcome(1).text, "file key");
    EXPECT_EQ(hosts(), 1U);
}

TEST_F(ModuleClientTest, ShowsWhatTheGreetingSays) {
    operate(1);
    EXPECT_EQ(changes_, 1);
    host().greet();
    EXPECT_EQ(changes_, 2);
    EXPECT_EQ(client_.info().version, "1.0");
    EXPECT_EQ(client_.info().description, "a fake");
    EXPECT_EQ(client_.info().restarts, 0U);
}

TEST_F(ModuleClientTest, PassesSecretEmptySecretAndNone) {
    key(1)->secret = base::SecretBytes::copy(base::as_bytes("sesame")).value();
    key(2)->secret.emplace();
    open(1);
    open(2);
    open(3);
    host().greet(4);
    EXPECT_EQ(take(Told::Kind::kOpen).secret, "sesame");
    EXPECT_EQ(take(Told::Kind::kOpen).secret, "");
    EXPECT_EQ(take(Told::Kind::kOpen).secret, std::nullopt);
}

TEST_F(ModuleClientTest, OpenReportsTheKeysSignature) {
    open(1);
    host().greet();
    say_opened();
    EXPECT_EQ(outcome(1).text, test::kFakeSignature);
}

TEST_F(ModuleClientTest, RestartsHostWithoutTimelyGreeting) {
    operate(1, 20s);
    time_.advance(kGreetingLimit);
    EXPECT_EQ(hosts(), 1U);
    time_.advance(200ms);
    EXPECT_EQ(hosts(), 2U);
    EXPECT_TRUE(launcher_.hosts.front()->is_ended);
    EXPECT_EQ(client_.info().restarts, 1U);
    EXPECT_TRUE(is_unanswered(1));
}

TEST_F(ModuleClientTest, RefusesHostOfOtherVersion) {
    operate(1);
    host().say(pki::Hello{pki::kHostProtocolVersion + 1, 1, "", "", ""});
    expect_failure(1, ErrorCode::kModuleFailed, "another version");
    EXPECT_TRUE(host().is_ended);
}

TEST_F(ModuleClientTest, RefusedModuleIsNotStartedForAWhile) {
    operate(1);
    host().say(pki::Refusal{ErrorCode::kUnknownModule, "no such module", ""});
    expect_failure(1, ErrorCode::kUnknownModule, "no such module");
    EXPECT_TRUE(client_.is_out_of_use());
    time_.advance(kRefusalTime - 1ms);
    operate(1);
    expect_failure(2, ErrorCode::kUnknownModule, "no such module");
    EXPECT_EQ(hosts(), 1U);
    time_.advance(1ms);
    operate(1);
    EXPECT_EQ(hosts(), 2U);
    EXPECT_TRUE(is_unanswered(3));
}

TEST_F(ModuleClientTest, RefusalCannotLockKey) {
    operate(1);
    host().say(pki::Refusal{ErrorCode::kWrongSecret, "no", ""});
    expect_failure(1, ErrorCode::kModuleFailed, "no");
}

TEST_F(ModuleClientTest, FailedStartFailsJobsAndIsRetriedLater) {
    launcher_.failure = Error{ErrorCode::kModuleFailed, "cannot be run"};
    operate(1);
    expect_failure(1, ErrorCode::kModuleFailed, "cannot be run");
    launcher_.failure.reset();
    time_.advance(kStartRetryTime - 1ms);
    operate(1);
    expect_failure(2, ErrorCode::kModuleFailed, "cannot be run");
    time_.advance(1ms);
    operate(1);
    EXPECT_EQ(hosts(), 1U);
    EXPECT_TRUE(is_unanswered(3));
}

TEST_F(ModuleClientTest, DeathBeforeGreetingFailsJobsWithItsReason) {
    operate(1);
    host().die({ErrorCode::kModuleFailed, "there is no such program", "install it"});
    expect_failure(1, ErrorCode::kModuleFailed, "no such program");
    EXPECT_EQ(hosts(), 1U);
}

TEST_F(ModuleClientTest, ReplacesDeadHostAndRepeatsItsJob) {
    open_first_key();
    operate(1);
    host().die();
    ASSERT_EQ(hosts(), 2U);
    EXPECT_EQ(client_.info().restarts, 1U);
    host().greet();
    say_opened();
    say_done("at last");
    EXPECT_EQ(outcome(1).text, "at last");
}

TEST_F(ModuleClientTest, RepeatedDeathsSlowRestarts) {
    std::vector<Clock::duration> pauses;
    open(1);
    for (int i = 0; i < 14; ++i) {
        const auto died = time_.now();
        const auto count = hosts();
        host().die();
        open(1);
        while (hosts() == count && time_.now() < died + 1min) {
            time_.advance(50ms);
        }
        pauses.push_back(time_.now() - died);
    }
    for (std::size_t i = 1; i < pauses.size(); ++i) {
        EXPECT_GE(pauses.at(i), pauses.at(i - 1));
        EXPECT_LE(pauses.at(i), kLongestPause + 200ms);
    }
    EXPECT_EQ(pauses.at(1), 0s);
    EXPECT_GE(pauses.back(), kLongestPause);
}

TEST_F(ModuleClientTest, AnsweredJobResetsRestartPause) {
    for (int i = 0; i < 20; ++i) {
        operate(1);
        ASSERT_EQ(hosts(), static_cast<std::size_t>(i + 1));
        host().greet();
        say_opened();
        say_done();
        host().die();
    }
}

TEST_F(ModuleClientTest, ReplacesHungHost) {
    open_first_key();
    operate(1);
    time_.advance(kLeastOperationLimit);
    EXPECT_EQ(hosts(), 1U);
    time_.advance(200ms);
    ASSERT_EQ(hosts(), 2U);
    EXPECT_TRUE(launcher_.hosts.front()->is_ended);
    host().greet();
    say_opened();
    say_done();
    EXPECT_TRUE(outcome(1).is_success);
    EXPECT_LT(time_.now() - Clock::time_point(1h), kReplyLimit);
}

TEST_F(ModuleClientTest, SlowTokenIsNotTakenForHung) {
    open_first_key();
    operate(1, 4s);
    time_.advance(kLeastOperationLimit + 200ms);
    ASSERT_EQ(hosts(), 2U);
    host().greet();
    say_opened();
    time_.advance(2s);
    EXPECT_EQ(hosts(), 2U);
    say_done();
    EXPECT_TRUE(outcome(1).is_success);
}

TEST_F(ModuleClientTest, DeadlineFailsJobWithoutAnswer) {
    open_first_key();
    operate(1, 500ms);
    time_.advance(600ms);
    expect_failure(1, ErrorCode::kTimedOut);
    say_done();
    EXPECT_EQ(outcomes_.front().size(), 1U);
    EXPECT_EQ(hosts(), 1U);
}

TEST_F(ModuleClientTest, UnaskedMessageEndsHost) {
    const std::vector<pki::FromHost> unasked = {
        pki::Hello{pki::kHostProtocolVersion, 1, "", "", ""},
        pki::Opened{77, test::kFakeSignature, "", "", test::some_rsa_key()},
        pki::Done{77, {}},
        pki::Failed{77, {}},
        pki::Closed{1},
        pki::Item{77, "", "", {}}};
    open_first_key();
    for (std::size_t i = 0; i < unasked.size(); ++i) {
        operate(1);
        EXPECT_FALSE(host().is_ended);
        host().say(unasked.at(i));
        EXPECT_TRUE(launcher_.hosts.at(i)->is_ended);
        ASSERT_EQ(hosts(), i + 2);
        host().greet();
        say_opened();
        say_done();
        EXPECT_TRUE(outcome(i + 1).is_success);
    }
}

// The kernel's eCryptfs knows no others.
TEST_F(ModuleClientTest, OnlyRsaKeysAreTaken) {
    const pki::PublicKey curve_key{
        pki::PublicKeyKind::kP256, {}, {}, std::vector<std::uint8_t>(65, 4)};
    open(1);
    host().greet();
    host().say(pki::Opened{take(Told::Kind::kOpen).id, test::kFakeSignature, "", "",
                           pki::PublicKeyView(curve_key)});
    expect_failure(1, ErrorCode::kInvalidKey, "a key of the curve P-256");
    say_closed();
}

TEST_F(ModuleClientTest, AnswerOfWrongKindFailsJob) {
    open_first_key();
    operate(1);
    host().say(pki::Opened{host().take().id, test::kFakeSignature, "", "", test::some_rsa_key()});
    expect_failure(1, ErrorCode::kModuleFailed, "wrong kind");
    open(2);
    host().say(pki::Done{host().take().id, {}});
    expect_failure(2, ErrorCode::kModuleFailed, "wrong kind");
    EXPECT_EQ(take(Told::Kind::kClose).key, 2U) << "it may have it open";
}

TEST_F(ModuleClientTest, WrongKeyIsClosed) {
    key(1)->signature = wire::KeySignature::from_text("fedcba9876543210").value();
    operate(1);
    host().greet();
    say_opened();
    expect_failure(1, ErrorCode::kInvalidKey, "another key");
    EXPECT_EQ(take(Told::Kind::kClose).key, 1U);
}

TEST_F(ModuleClientTest, KeyWithMalformedSignatureIsClosed) {
    operate(1);
    host().greet();
    say_opened("../../etc/passwd");
    EXPECT_FALSE(outcome(1).is_success);
    EXPECT_EQ(take(Told::Kind::kClose).key, 1U);
}

TEST_F(ModuleClientTest, CloseFailsJobsOfTheKey) {
    open_first_key();
    for (int i = 0; i < 3; ++i) {
        operate(1);
    }
    client_.close_key(*key(1));
    EXPECT_TRUE(is_unanswered(1)) << "the process does it";
    EXPECT_TRUE(is_unanswered(2)) << "the process has it";
    expect_failure(3, ErrorCode::kKeyLocked);
    say_done();
    say_failed(ErrorCode::kInternal);
    EXPECT_TRUE(outcome(1).is_success);
    expect_failure(2, ErrorCode::kKeyLocked);
    say_closed();
    EXPECT_TRUE(is_closed());
    EXPECT_EQ(hosts(), 1U);
}

TEST_F(ModuleClientTest, LockWaitsUntilHostClosedKey) {
    open_first_key();
    client_.close_key(*key(1));
    int closed = 0;
    wait_for_close(closed);
    time_.advance(kCloseLimit);
    EXPECT_EQ(closed, 0);
    say_closed();
    EXPECT_EQ(closed, 1);
    EXPECT_EQ(client_.info().restarts, 0U);
}

TEST_F(ModuleClientTest, SlowCloseKillsHost) {
    open_first_key(4);
    open(2);
    say_opened();
    operate(2);
    client_.close_key(*key(1));
    int closed = 0;
    wait_for_close(closed);
    say_done();
    time_.advance(kCloseLimit + 200ms);
    EXPECT_EQ(closed, 1);
    EXPECT_TRUE(launcher_.hosts.front()->is_ended);
    EXPECT_TRUE(outcome(2).is_success);
}

TEST_F(ModuleClientTest, KeyBeingOpenedIsClosedOnceOpen) {
    open(1);
    host().greet();
    client_.close_key(*key(1));
    EXPECT_EQ(host().told.size(), 1U) << "there is no key yet";
    int closed = 0;
    wait_for_close(closed);
    say_opened();
    expect_failure(1, ErrorCode::kKeyLocked);
    EXPECT_EQ(closed, 0);
    say_closed();
    EXPECT_EQ(closed, 1);
}

TEST_F(ModuleClientTest, KeyOpenedTooLateIsClosed) {
    submit(1, {}, 10s);
    host().greet();
    time_.advance(11s);
    expect_failure(1, ErrorCode::kTimedOut);
    say_opened();
    say_closed();
    EXPECT_TRUE(client_.is_out_of_use());
}

TEST_F(ModuleClientTest, FailedOpenNeedsNoClose) {
    open(1);
    host().greet();
    client_.close_key(*key(1));
    int closed = 0;
    wait_for_close(closed);
    say_failed(ErrorCode::kWrongSecret);
    expect_failure(1, ErrorCode::kKeyLocked);
    EXPECT_EQ(closed, 1);
    EXPECT_TRUE(host().told.empty());
}

TEST_F(ModuleClientTest, UnwaitedCloseDoesNotKillWhileTyping) {
    open_first_key(4);
    open(2);
    say_failed(ErrorCode::kSecretAtDevice);
    EXPECT_EQ(take(Told::Kind::kOpen).secret, "") << "the device is to ask";
    client_.close_key(*key(1));
    time_.advance(kTypingLimit - 1s);
    EXPECT_EQ(hosts(), 1U);
    EXPECT_TRUE(is_unanswered(1));
    int closed = 0;
    wait_for_close(closed);
    time_.advance(200ms);
    EXPECT_EQ(closed, 1) << "now somebody waits";
    EXPECT_TRUE(launcher_.hosts.front()->is_ended);
}

TEST_F(ModuleClientTest, HostThatTakesNoCloseIsKilled) {
    open_first_key();
    host().takes_messages = false;
    client_.close_key(*key(1));
    EXPECT_TRUE(host().is_ended);
    EXPECT_TRUE(is_closed());
}

TEST_F(ModuleClientTest, WaitForKeysKillsEndingHost) {
    open_first_key();
    time_.advance(kIdleTime + 1s);
    EXPECT_TRUE(host().is_finishing);
    EXPECT_FALSE(host().is_ended);
    EXPECT_TRUE(is_closed());
    EXPECT_TRUE(host().is_ended);
}

TEST_F(ModuleClientTest, IdleHostEndsAndIsStartedOnDemand) {
    open_first_key();
    time_.advance(kIdleTime - 1s);
    EXPECT_FALSE(host().is_finishing);
    operate(1);
    say_done();
    time_.advance(kIdleTime - 1s);
    EXPECT_FALSE(host().is_finishing) << "it was needed meanwhile";
    time_.advance(2s);
    EXPECT_TRUE(host().is_finishing);
    EXPECT_EQ(client_.info().pid, 0);
    time_.advance(kIdleEndLimit);
    EXPECT_TRUE(host().is_deleted);
    EXPECT_EQ(time_.running_timers(), 0U) << "nothing wakes up while nothing is asked";
    operate(1);
    ASSERT_EQ(hosts(), 2U);
    host().greet();
    say_opened();
    say_done();
    EXPECT_TRUE(outcome(2).is_success);
    EXPECT_EQ(client_.info().restarts, 0U);
}

TEST_F(ModuleClientTest, KeepsIdleHostAfterPinTypedAtDevice) {
    open(1);
    host().greet();
    say_failed(ErrorCode::kSecretAtDevice);
    say_opened();
    time_.advance(24h);
    EXPECT_FALSE(host().is_finishing);
    EXPECT_EQ(time_.running_timers(), 0U);
    client_.close_key(*key(1));
    say_closed();
    time_.advance(kIdleTime + 1s);
    EXPECT_TRUE(host().is_finishing);
}

TEST_F(ModuleClientTest, KeepsIdleHostThatStartsSlowly) {
    open(1);
    host().greet();
    time_.advance(kUnnoticedStart);
    say_opened();
    time_.advance(24h);
    EXPECT_FALSE(host().is_finishing);
    client_.close_key(*key(1));
    say_closed();
    time_.advance(kIdleTime + 1s);
    EXPECT_TRUE(host().is_finishing);
}

TEST_F(ModuleClientTest, FinishLetsHostCloseItsKeys) {
    EXPECT_EQ(client_.finish(), 0);
    open_first_key();
    EXPECT_EQ(client_.finish(), host().pid);
    EXPECT_TRUE(host().is_finishing);
}

TEST_F(ModuleClientTest, IsOutOfUseWithoutJobsAndKeys) {
    EXPECT_TRUE(client_.is_out_of_use());
    operate(1);
    EXPECT_FALSE(client_.is_out_of_use());
    host().greet();
    say_opened();
    say_done();
    EXPECT_FALSE(client_.is_out_of_use()) << "it has a key";
    client_.close_key(*key(1));
    EXPECT_FALSE(client_.is_out_of_use()) << "the process may still have it";
    say_closed();
    EXPECT_TRUE(client_.is_out_of_use());
}

TEST_F(ModuleClientTest, IsOutOfUseSoonAfterIdleHostDied) {
    open_first_key();
    time_.advance(1s);
    host().die();
    EXPECT_FALSE(client_.is_out_of_use()) << "the process may still be there";
    time_.advance(200ms);
    EXPECT_TRUE(client_.is_out_of_use());
    EXPECT_TRUE(host().is_deleted);
}

TEST(ModuleClientLog, ShowsFewPrintableLines) {
    test::FakeTime time;
    test::FakeLauncher launcher;
    ModuleClient client(time, launcher, 5min, wire::PkiType::from_text("fake").value(), [] {});
    client.submit({test::new_key(1), {}, {}, time.now() + 1s, [](const auto& /*result*/) {}});
    ::testing::internal::CaptureStderr();
    for (int i = 0; i < 1000; ++i) {
        launcher.last().write(fmt::format("line {}\x1b[2J\n\nmore", i));
    }
    const auto log = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(std::ranges::count(log, '\n'), 10);
    EXPECT_THAT(log, HasSubstr("module fake wrote: line 0?[2J\n"));
    EXPECT_THAT(log, HasSubstr("module fake wrote: more\n"));
    EXPECT_THAT(log, Not(HasSubstr("line 5")));
}

}  // namespace
}  // namespace ecryptfs::agent
