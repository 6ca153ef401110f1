// SPDX-License-Identifier: Apache-2.0
//
// A machine that has run out of something, and a long life.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <keyutils.h>
#include <sys/resource.h>

#include <cerrno>
#include <thread>

#include "tests/integration/agent_test.h"
#include "tests/integration/bus_client.h"
#include "tests/integration/tokens.h"

namespace ecryptfs::test {
namespace {

using namespace std::chrono_literals;

constexpr char kManager[] = "/org/ecryptfs/Agent1";
constexpr char kInterface[] = "org.ecryptfs.Agent1";

// The kernel gives the quota of keys that were removed back when it gets round to it.
key_serial_t put_when_there_is_room(const std::string& signature, const Bytes& token) {
    const auto deadline = Clock::now() + kPatience;
    for (;;) {
        const auto serial =
            ::add_key("user", signature.c_str(), token.data(), token.size(), KEY_SPEC_USER_KEYRING);
        if (serial > 0 || errno != EDQUOT || Clock::now() > deadline) {
            return serial;
        }
        std::this_thread::sleep_for(1ms);
    }
}

class Environment : public AgentTest {
  protected:
    void SetUp() override { start_agent(); }

    // How many descriptors the agent may have, from now on. Those that it has stay.
    void limit_descriptors(rlim_t soft) const {
        rlimit limit{};
        ASSERT_EQ(::prlimit(agent_->pid(), RLIMIT_NOFILE, nullptr, &limit), 0);
        limit.rlim_cur = soft;
        ASSERT_EQ(::prlimit(agent_->pid(), RLIMIT_NOFILE, &limit, nullptr), 0);
    }
};

TEST_F(Environment, KernelIsServedWithoutDescriptors) {
    const auto signature = add({"example:a", "--module", "example"});
    expect_round_trip(signature);
    limit_descriptors(3);
    for (int i = 0; i < 20; ++i) {
        expect_round_trip(signature);
    }
    const auto outcome = ctl({"add-key", "faulty:ok", "--module", "faulty"});
    EXPECT_NE(outcome.exit_code, 0);
    EXPECT_THAT(outcome.err, ::testing::StartsWith("ecryptfsctl: "));
    expect_round_trip(signature);
    limit_descriptors(1024);
    wait_until("the agent has found the bus again", [&] { return ctl({"status"}).exit_code == 0; });
    EXPECT_EQ(key(signature)["state"], "unlocked");
    expect_round_trip(add_faulty("ok"));
    EXPECT_EQ(queue()["failed"], 0);
}

TEST_F(Environment, TenThousandKeysLeaveMemoryFlat) {
    const int cycles = has_sanitizers() ? 1'000 : 10'000;
    BusClient client(bus_.address());
    // What ecryptfsctl does for add-key and remove-key, without 20,000 processes.
    const auto cycle = [&] {
        const auto secret = base::value_or_throw(base::SealedMemfd::create({}));
        const auto added = client.add_key("example", "example:a", secret.fd());
        ASSERT_EQ(added.error, "");
        const auto serial = put_when_there_is_room(added.signature, added.token);
        EXPECT_EQ(
            client
                .call(kManager, kInterface, "RegisterToken", "si", added.signature.c_str(), serial)
                .error,
            "");
        EXPECT_EQ(
            client.call(kManager, kInterface, "ForgetKey", "s", added.signature.c_str()).error, "");
        remove_token(serial);
    };
    for (int i = 0; i < cycles / 10; ++i) {
        cycle();
    }
    const auto memory = agent_->memory();
    for (int i = 0; i < cycles && !HasFailure(); ++i) {
        cycle();
    }
    EXPECT_EQ(user_keyring_size(), 0U);
    EXPECT_EQ(keys().size(), 0U);
    if (!has_sanitizers()) {
        EXPECT_LT(agent_->memory(), memory + 512) << "kB, before: " << memory;
    }
    expect_round_trip(add({"example:a", "--module", "example"}));
}

}  // namespace
}  // namespace ecryptfs::test
