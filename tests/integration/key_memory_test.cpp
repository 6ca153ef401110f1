// SPDX-License-Identifier: Apache-2.0
//
// When a key is locked, or its token has gone, no process has its secret or its private half in
// memory any more. Each search is shown to find them while the key is unlocked.

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <keyutils.h>

#include <csignal>
#include <functional>
#include <future>
#include <sstream>
#include <thread>

#include "tests/fakes/fake_logind.h"
#include "tests/fakes/memory_searcher.h"
#include "tests/integration/agent_test.h"
#include "tests/integration/tokens.h"

namespace ecryptfs::test {
namespace {

// A process that was killed is gone soon, and long before it would be told to close its keys.
constexpr std::chrono::milliseconds kTimeToDie{1'000};
constexpr char kKeyCanary[] = "canary-Ohj3ahghie6Eikie";

// From the middle of the first prime, as OpenSSL has it in memory: the last byte first.
Bytes part_of_prime(const std::string& listing) {
    std::istringstream words(listing.substr(listing.find("prime1:") + 7));
    std::string digits;
    for (std::string word; words >> word && word.find("prime2") == std::string::npos;) {
        digits += word;
    }
    std::erase(digits, ':');
    const auto middle = digits.substr(digits.size() / 4 * 2, 64);
    Bytes bytes;
    for (std::size_t i = middle.size(); i >= 2; i -= 2) {
        bytes.push_back(static_cast<std::uint8_t>(std::stoi(middle.substr(i - 2, 2), nullptr, 16)));
    }
    return bytes;
}

class KeyMemory : public AgentTest {
  protected:
    void SetUp() override {
        const auto openssl = [](const Arguments& arguments) {
            const auto outcome = run({"openssl", arguments});
            EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
            return outcome.out;
        };
        openssl({"rsa", "-in", vector_key("k2048.pem"), "-passin", "pass:secret", "-aes256",
                 "-passout", fmt::format("pass:{}", kKeyCanary), "-out", path_});
        prime_ = part_of_prime(openssl({"rsa", "-in", path_, "-passin",
                                        fmt::format("pass:{}", kKeyCanary), "-noout", "-text"}));
    }

    // An unlocked key that was used.
    void add_canary_key(const Arguments& options = {}) {
        Arguments key = {path_};
        key.insert(key.end(), options.begin(), options.end());
        signature_ = add(key, kKeyCanary);
        host_ = module("openssl")["host_pid"].get<pid_t>();
        expect_round_trip(signature_);
        EXPECT_GT(count_in_memory(agent_->pid(), base::as_bytes(kKeyCanary)), 0U);
        EXPECT_GT(count_in_memory(host_, prime_), 0U);
    }

    // Who has passphrase or private key; "" if nobody has.
    std::string leftovers() const {
        const auto passphrase = holders_of(base::as_bytes(kKeyCanary));
        const auto key = holders_of(prime_);
        return (passphrase.empty() ? "" : "passphrase: " + passphrase) +
               (key.empty() ? "" : "private key: " + key);
    }

    // Nobody asks the agent anything meanwhile.
    void expect_to_be_wiped() const {
        const auto deadline = Clock::now() + kPatience;
        auto found = leftovers();
        while (!found.empty() && Clock::now() < deadline) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
            found = leftovers();
        }
        EXPECT_EQ(found, "");
    }

    key_serial_t token() const {
        return static_cast<key_serial_t>(
            ::keyctl_search(KEY_SPEC_USER_KEYRING, "user", signature_.c_str(), 0));
    }

    const std::string path_ = (folder_.path() / "key.pem").string();
    Bytes prime_;
    std::string signature_;
    pid_t host_ = 0;
};

TEST_F(KeyMemory, LockLeavesNothing) {
    start_agent();
    add_canary_key();
    ASSERT_EQ(ctl({"lock", signature_}).exit_code, 0);
    EXPECT_EQ(leftovers(), "");
    ASSERT_EQ(ctl({"unlock", signature_, "--passphrase-file", "-"}, kKeyCanary).exit_code, 0);
    EXPECT_NE(leftovers(), "");
    ASSERT_EQ(ctl({"lock"}).exit_code, 0);
    EXPECT_EQ(leftovers(), "");
}

TEST_F(KeyMemory, UnclosedKeyIsWipedByKillingHost) {
    start_agent();
    add_canary_key();
    stand_still(host_);
    ASSERT_EQ(ctl({"lock"}).exit_code, 0);
    expect_ends(host_, kTimeToDie);
    EXPECT_EQ(leftovers(), "");
}

TEST_F(KeyMemory, LockWhileOpeningLeavesNothing) {
    start_agent();
    add_canary_key();
    ASSERT_EQ(ctl({"lock"}).exit_code, 0);
    stand_still(host_);
    auto unlocked = std::async(std::launch::async, [&] {
        return ctl({"unlock", signature_, "--passphrase-file", "-"}, kKeyCanary);
    });
    wait_until("the agent has the passphrase",
               [&] { return count_in_memory(agent_->pid(), base::as_bytes(kKeyCanary)) > 0; });
    ASSERT_EQ(ctl({"lock"}).exit_code, 0);
    EXPECT_EQ(unlocked.get().exit_code, code(ErrorCode::kKeyLocked));
    expect_ends(host_, kTimeToDie);
    EXPECT_EQ(leftovers(), "");
}

TEST_F(KeyMemory, RemovalLeavesNothing) {
    start_agent();
    add_canary_key();
    ASSERT_EQ(ctl({"remove-key", signature_}).exit_code, 0);
    EXPECT_EQ(leftovers(), "");
}

TEST_F(KeyMemory, SleepLeavesNothing) {
    FakeLogind logind(bus_.address());
    start_agent();
    add_canary_key();
    wait_until("sleep is delayed", [&] { return logind.sleep_is_delayed(); });
    logind.prepare_for_sleep(true);
    wait_until("sleep may come", [&] { return !logind.sleep_is_delayed(); });
    EXPECT_EQ(leftovers(), "");
}

TEST_F(KeyMemory, SleepKillsHostThatDoesNotClose) {
    FakeLogind logind(bus_.address());
    start_agent();
    add_canary_key();
    wait_until("sleep is delayed", [&] { return logind.sleep_is_delayed(); });
    stand_still(host_);
    logind.prepare_for_sleep(true);
    wait_until("sleep may come", [&] { return !logind.sleep_is_delayed(); });
    expect_ends(host_, kTimeToDie);
    EXPECT_EQ(leftovers(), "");
}

TEST_F(KeyMemory, LogOutAndScreenLockLeaveNothing) {
    FakeLogind logind(bus_.address());
    start_agent({"--lock-on", "screen-lock,log-out"});
    add_canary_key();
    logind.end_session("lingering");
    expect_to_be_wiped();
    ASSERT_EQ(ctl({"unlock", signature_, "--passphrase-file", "-"}, kKeyCanary).exit_code, 0);
    EXPECT_NE(leftovers(), "");
    logind.ask_to_lock(FakeLogind::Whose::kOurs);
    expect_to_be_wiped();
}

// Each may end a token; none asks the agent anything.
struct TokenEnd {
    const char* name;
    std::function<long(key_serial_t)> apply;
};

const std::vector<TokenEnd>& token_ends() {
    static const std::vector<TokenEnd> all = {
        {"revoke", ::keyctl_revoke},
        {"unlink", [](auto token) { return ::keyctl_unlink(token, KEY_SPEC_USER_KEYRING); }},
        {"invalidate", ::keyctl_invalidate},
        {"expire", [](auto token) { return ::keyctl_set_timeout(token, 1); }}};
    return all;
}

TEST_F(KeyMemory, LostTokenLeavesNothing) {
    start_agent();
    for (const auto& end : token_ends()) {
        SCOPED_TRACE(end.name);
        add_canary_key();
        EXPECT_EQ(end.apply(token()), 0);
        expect_to_be_wiped();
    }
}

TEST_F(KeyMemory, LostTokenOfUnopenedKeyLeavesNothing) {
    start_agent();
    add_canary_key();
    ASSERT_EQ(ctl({"lock", signature_}).exit_code, 0);
    ASSERT_EQ(ctl({"unlock", signature_, "--passphrase-file", "-"}, kKeyCanary).exit_code, 0);
    agent_->stop(SIGKILL);
    agent_->start_again();  // it has the secret, and no host has the key
    EXPECT_GT(count_in_memory(agent_->pid(), base::as_bytes(kKeyCanary)), 0U);
    EXPECT_EQ(::keyctl_revoke(token()), 0);
    expect_to_be_wiped();
}

// Their tokens hold the passphrase.
TEST_F(KeyMemory, LostEcryptfsUtilsTokenLeavesNothing) {
    start_agent();
    std::string blob;
    for (const auto& field : {path_, std::string(kKeyCanary)}) {
        blob += static_cast<char>(field.size() + 1);
        blob += '\0';
        blob += field + '\0';
    }
    for (const auto& end : token_ends()) {
        SCOPED_TRACE(end.name);
        const auto serial = put_token(kK2048Signature, "openssl", blob);
        expect_round_trip(kK2048Signature);
        EXPECT_NE(leftovers(), "");
        EXPECT_EQ(end.apply(serial), 0);
        expect_to_be_wiped();
        ::keyctl_unlink(serial, KEY_SPEC_USER_KEYRING);
    }
}

}  // namespace
}  // namespace ecryptfs::test
