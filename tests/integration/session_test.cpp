// SPDX-License-Identifier: Apache-2.0
//
// What happens to keys when the machine sleeps, the screen is locked, the last session ends.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <systemd/sd-bus.h>

#include <csignal>
#include <optional>
#include <set>
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

TEST_F(Session, ForgedSignalsLockNothing) {
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

TEST_F(Session, KilledSleepDelayIsReplaced) {
    start();
    wait_until("sleep is delayed", [&] { return logind_->sleep_is_delayed(); });
    ASSERT_EQ(::kill(child_named("(ecrypt-sleep)"), SIGKILL), 0);
    wait_until("it is no more", [&] { return !logind_->sleep_is_delayed(); });
    wait_until("sleep is delayed", [&] { return logind_->sleep_is_delayed(); });
}

TEST_F(Session, KilledAgentDoesNotDelaySleep) {
    start();
    wait_until("sleep is delayed", [&] { return logind_->sleep_is_delayed(); });
    agent_->stop(SIGKILL);
    wait_until("sleep may come", [&] { return !logind_->sleep_is_delayed(); });
    agent_->start_again();
}

// A client of a bus that passes on descriptors.
class Sender {
  public:
    explicit Sender(const std::string& address) {
        EXPECT_GE(::sd_bus_new(&bus_), 0);
        ::sd_bus_set_address(bus_, address.c_str());
        ::sd_bus_set_bus_client(bus_, 1);
        EXPECT_GE(::sd_bus_start(bus_), 0);
        EXPECT_GE(::sd_bus_get_unique_name(bus_, &own_name_), 0);
    }
    Sender(const Sender&) = delete;
    Sender& operator=(const Sender&) = delete;
    ~Sender() { ::sd_bus_flush_close_unref(bus_); }

    // By their unique names.
    std::vector<std::string> others() const {
        char** names = nullptr;
        EXPECT_GE(::sd_bus_list_names(bus_, &names, nullptr), 0);
        std::vector<std::string> clients;
        for (char** name = names; *name != nullptr; ++name) {
            if (**name == ':' && std::string_view(*name) != own_name_) {
                clients.emplace_back(*name);
            }
            ::free(*name);
        }
        ::free(static_cast<void*>(names));
        return clients;
    }

    // The error that comes back.
    std::string send_descriptor(const std::string& client) const {
        const Pipe pipe;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        ::sd_bus_call_method(bus_, client.c_str(), "/", "some.Interface", "Method", &error, nullptr,
                             "h", pipe.writer.get());
        const std::string name = error.name != nullptr ? error.name : "";
        ::sd_bus_error_free(&error);
        return name;
    }

  private:
    sd_bus* bus_ = nullptr;
    const char* own_name_ = "";
};

// It could not even be killed while it closes a file of theirs.
TEST_F(Session, SystemBusPassesNoDescriptors) {
    const PrivateBus system_bus;
    auto environment = bus_.environment();
    environment["DBUS_SYSTEM_BUS_ADDRESS"] = system_bus.address();
    logind_.emplace(system_bus.address());
    agent_.emplace(environment, kernel_.device());
    wait_until("sleep is delayed", [&] { return logind_->sleep_is_delayed(); });

    const Sender sender(system_bus.address());
    wait_until("only logind and the agent are there", [&] { return sender.others().size() == 2; });
    std::multiset<std::string> errors;
    for (const auto& client : sender.others()) {
        errors.insert(sender.send_descriptor(client));
    }
    EXPECT_THAT(errors, ::testing::ElementsAre("org.freedesktop.DBus.Error.NotSupported",
                                               "org.freedesktop.DBus.Error.UnknownObject"));
}

TEST_F(Session, EndOfLastSessionLocks) {
    start();
    logind_->end_session("lingering");
    expect_locks();
}

TEST_F(Session, EndOfOtherSessionDoesNotLock) {
    start();
    logind_->end_session("active");
    expect_does_not_lock();
}

TEST_F(Session, ScreenLockLocksWhereConfigured) {
    start({"--lock-on", "screen-lock"});
    logind_->ask_to_lock(Whose::kOurs);
    expect_locks();
    logind_->tell_locked(Whose::kOurs, true);
    expect_locks();
    logind_->tell_locked(Whose::kOurs, false);
    expect_does_not_lock();
}

TEST_F(Session, ScreenLockOfOtherUserDoesNotLock) {
    start({"--lock-on", "screen-lock"});
    logind_->ask_to_lock(Whose::kOthers);
    logind_->tell_locked(Whose::kOthers, true);
    expect_does_not_lock();
}

TEST_F(Session, NothingIsWatchedUnlessConfigured) {
    start({"--lock-on", "none"});
    logind_->prepare_for_sleep(true);
    logind_->ask_to_lock(Whose::kOurs);
    logind_->end_session("lingering");
    expect_does_not_lock();
    EXPECT_FALSE(logind_->sleep_is_delayed());
}

TEST_F(Session, WatchResumesAfterLossOfBus) {
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
