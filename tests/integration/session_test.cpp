// SPDX-License-Identifier: Apache-2.0
//
// What happens to keys when the machine sleeps, the screen is locked, the last session ends.

#include <fmt/format.h>

#include <optional>
#include <thread>

#include "tests/fakes/fake_logind.h"
#include "tests/integration/agent_test.h"

namespace ecryptfs::test {
namespace {

using namespace std::chrono_literals;
using Whose = FakeLogind::Whose;

class Session : public AgentTest {
  protected:
    void start(const Arguments& options = {}) {
        logind_.emplace(bus_.address());
        start_agent(options);
        signature_ = add_k2048();
        encrypted_ = wrapped(signature_, file_key_);
    }

    bool is_locked() const { return key(signature_)["state"] == "locked"; }

    // Locked now, and until somebody unlocks it.
    void expect_locks() {
        wait_until("the keys are locked", [&] { return is_locked(); });
        EXPECT_THAT(kernel_.decrypt(signature_, encrypted_), FailsFor(ErrorCode::kKeyLocked));
        EXPECT_EQ(ctl({"unlock", signature_, "--passphrase-file", "-"}, "secret").exit_code, 0);
        EXPECT_THAT(kernel_.decrypt(signature_, encrypted_), Gives(file_key_));
    }

    // Long after the agent has heard of it.
    void expect_does_not_lock() {
        std::this_thread::sleep_for(300ms);
        EXPECT_FALSE(is_locked());
    }

    std::optional<FakeLogind> logind_;
    std::string signature_;
    Bytes encrypted_;
    const Bytes file_key_ = make_file_key(16);
};

// As any user may send them: to the agent alone, and in logind's words.
void pretend_to_be_logind(const std::string& bus_address) {
    for (int client = 0; client < 32; ++client) {
        const auto to = fmt::format("--dest=:1.{}", client);
        for (const Arguments& signal :
             {Arguments{"/org/freedesktop/login1", "org.freedesktop.login1.Manager.PrepareForSleep",
                        "boolean:true"},
              Arguments{"/org/freedesktop/DBus", "org.freedesktop.DBus.NameOwnerChanged",
                        "string:org.freedesktop.login1", "string:", "string::1.31"}}) {
            Arguments arguments = {"--bus=" + bus_address, "--type=signal", to};
            arguments.insert(arguments.end(), signal.begin(), signal.end());
            run({"dbus-send", arguments});
        }
    }
}

TEST_F(Session, IsNotLockedByAStranger) {
    start({"--lock-on", "suspend,screen-lock,log-out"});
    wait_until("sleep is delayed", [&] { return logind_->sleep_is_delayed(); });
    pretend_to_be_logind(bus_.address());
    expect_does_not_lock();
    EXPECT_TRUE(logind_->sleep_is_delayed());
    logind_->prepare_for_sleep(true);
    expect_locks();
}

TEST_F(Session, SleepWaitsUntilTheKeysAreLocked) {
    start();
    for (int i = 0; i < 2; ++i) {
        wait_until("sleep is delayed", [&] { return logind_->sleep_is_delayed(); });
        logind_->prepare_for_sleep(true);
        wait_until("sleep may come", [&] { return !logind_->sleep_is_delayed(); });
        EXPECT_TRUE(is_locked());
        logind_->prepare_for_sleep(false);
        expect_locks();
    }
}

TEST_F(Session, EndOfTheLastLocks) {
    start();
    logind_->end_session("lingering");
    expect_locks();
}

TEST_F(Session, EndOfAnotherDoesNotLock) {
    start();
    logind_->end_session("active");
    expect_does_not_lock();
}

TEST_F(Session, LockOfTheScreenLocksWhereAskedFor) {
    start({"--lock-on", "screen-lock"});
    logind_->ask_to_lock(Whose::kOurs);
    expect_locks();
    logind_->tell_locked(Whose::kOurs, true);
    expect_locks();
    logind_->tell_locked(Whose::kOurs, false);
    expect_does_not_lock();
}

TEST_F(Session, LockOfAnotherUsersScreenDoesNotLock) {
    start({"--lock-on", "screen-lock"});
    logind_->ask_to_lock(Whose::kOthers);
    logind_->tell_locked(Whose::kOthers, true);
    expect_does_not_lock();
}

TEST_F(Session, IsNotWatchedUnlessAskedFor) {
    start({"--lock-on", "none"});
    logind_->prepare_for_sleep(true);
    logind_->ask_to_lock(Whose::kOurs);
    logind_->end_session("lingering");
    expect_does_not_lock();
    EXPECT_FALSE(logind_->sleep_is_delayed());
}

TEST_F(Session, IsWatchedAgainWhenTheBusWasAway) {
    start();
    logind_.reset();
    bus_.stop();
    bus_.start();
    logind_.emplace(bus_.address());
    wait_until("sleep is delayed", [&] { return logind_->sleep_is_delayed(); });
    logind_->prepare_for_sleep(true);
    wait_until("the agent has found the bus again", [&] { return ctl({"status"}).exit_code == 0; });
    expect_locks();
}

}  // namespace
}  // namespace ecryptfs::test
