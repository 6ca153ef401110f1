// SPDX-License-Identifier: Apache-2.0
//
// What the verbs that start a host themselves leave in a TPM without a resource manager: nothing,
// however they end.

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>

#include "tests/contract/software_tpm.h"
#include "tests/integration/agent_test.h"
#include "tests/support/processes.h"

namespace ecryptfs::test {
namespace {

pid_t child_of(pid_t parent) {
    const auto children = children_of(parent);
    EXPECT_EQ(children.size(), 1U);
    return children.empty() ? 0 : *children.begin();
}

bool has_pending_signals(pid_t pid) {
    std::ifstream status(fmt::format("/proc/{}/status", pid));
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("ShdPnd:")) {
            return line.find_first_not_of("0", line.find('\t') + 1) != std::string::npos;
        }
    }
    return false;
}

class TpmObjects : public ::testing::Test {
  protected:
    TpmObjects() {
        tpm_.create_key("key");
        std::filesystem::create_directory(path("lower"));
    }

    std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
    std::string key() const { return tpm_.locator("key.pem") + "&auth=none"; }
    Command command(Arguments arguments) const {
        arguments.insert(arguments.end(),
                         {"--module-dir", built("modules"), "--pki-host", host_program()});
        return {ctl_program(), arguments, {{"ECRYPTFS_TPM2_TCTI", tpm_.tcti()}}};
    }
    Command decrypting(const Arguments& keys) const {
        Arguments arguments = {"decrypt", path("lower"), "--output", path("out")};
        arguments.insert(arguments.end(), keys.begin(), keys.end());
        return command(arguments);
    }
    // Keys and sessions.
    std::string left() const {
        return tpm_.run("tpm2_getcap", {"handles-transient"}) +
               tpm_.run("tpm2_getcap", {"handles-loaded-session"});
    }

    TemporaryFolder folder_;
    contract::SoftwareTpm tpm_;
};

TEST_F(TpmObjects, DecryptLeavesNone) {
    for (int i = 0; i < 3; ++i) {
        const auto outcome = run(decrypting({"--key", key()}));
        EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
        EXPECT_EQ(left(), "");
    }
}

TEST_F(TpmObjects, FailedSecondKeyLeavesNone) {
    const auto outcome = run(decrypting({"--key", key(), "--key", path("none.pem")}));
    EXPECT_EQ(outcome.exit_code, code(ErrorCode::kNotFound)) << outcome.err;
    EXPECT_EQ(left(), "");
}

TEST_F(TpmObjects, WrongPinLeavesNone) {
    tpm_.create_key("with-pin", {"-p", "1234"});
    const auto outcome = run(
        decrypting({"--key", tpm_.locator("with-pin.pem"), "--key-passphrase-file", "-"}), "4321");
    EXPECT_EQ(outcome.exit_code, code(ErrorCode::kWrongSecret)) << outcome.err;
    EXPECT_EQ(left(), "");
}

// The second key's secret is waited for while the first key is open.
TEST_F(TpmObjects, SignalLeavesNone) {
    const auto fifo = path("secret");
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        Process ctl(decrypting({"--key", key(), "--key-passphrase-file", "/dev/null", "--key",
                                vector_key("k2048.pem"), "--key-passphrase-file", fifo}),
                    {});
        // Waits until the program has it open for reading.
        const base::UniqueFd writer(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
        ASSERT_TRUE(writer);
        EXPECT_NE(left(), "");
        ctl.send_signal(signal);
        EXPECT_EQ(ctl.wait(), 128 + signal);
        EXPECT_EQ(left(), "");
    }
}

// A host that stands still is not waited for for ever, nor at all by who has no patience.
TEST_F(TpmObjects, SecondInterruptDoesNotWait) {
    const auto fifo = path("secret");
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    Process ctl(decrypting({"--key", key(), "--key-passphrase-file", "/dev/null", "--key",
                            vector_key("k2048.pem"), "--key-passphrase-file", fifo}),
                {});
    const base::UniqueFd writer(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
    ASSERT_TRUE(writer);
    ASSERT_EQ(::kill(child_of(ctl.pid()), SIGSTOP), 0);
    ctl.send_signal(SIGINT);
    wait_until("the signal has arrived", [&] { return !has_pending_signals(ctl.pid()); });
    ctl.send_signal(SIGINT);
    EXPECT_EQ(ctl.wait(), 128 + SIGINT);
}

TEST_F(TpmObjects, OtherVerbsLeaveNone) {
    const std::vector<Arguments> verbs = {
        {"list-tokens"},
        {"list-keys", "--available"},
        {"generate-key", "tpm2", path("new.pem"), "--no-passphrase", "--bits", "2048"},
        {"generate-key", "tpm2", path("new.pem"), "--no-passphrase", "--bits", "2048"}};
    for (const auto& verb : verbs) {
        run(command(verb));
        EXPECT_EQ(left(), "") << verb.front();
    }
    EXPECT_TRUE(std::filesystem::exists(path("new.pem")));
}

}  // namespace
}  // namespace ecryptfs::test
