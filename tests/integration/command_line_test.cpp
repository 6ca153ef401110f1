// SPDX-License-Identifier: Apache-2.0
//
// ecryptfsctl and the agent together: what a person sees, and the exit codes of docs/errors.md.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>

#include "tests/integration/agent_test.h"
#include "tests/integration/tokens.h"

namespace ecryptfs::test {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

constexpr char kSomeSignature[] = "0123456789abcdef";

std::string test_key(const std::string& name) {
    return ECRYPTFS_TEST_KEYS "/" + name;
}

// One line that says what is wrong, and one that says what to do.
void expect_clear(const Outcome& outcome, ErrorCode error) {
    EXPECT_EQ(outcome.exit_code, code(error)) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, MatchesRegex("ecryptfsctl: [^\n]+\ntry: [^\n]+\n"));
}

class CommandLine : public AgentTest {
  protected:
    void SetUp() override { start_agent(); }

    // Fails so, and leaves nothing behind; what it said.
    std::string expect_not_added(const Arguments& key, ErrorCode error,
                                 const std::string& input = "") {
        Arguments arguments = {"add-key"};
        arguments.insert(arguments.end(), key.begin(), key.end());
        const auto outcome = ctl(arguments, input);
        SCOPED_TRACE(key.front());
        expect_clear(outcome, error);
        EXPECT_EQ(user_keyring_size(), 0U);
        EXPECT_EQ(keys(), Json::array());
        return outcome.err;
    }
};

TEST_F(CommandLine, ReportsWrongPassphrase) {
    const auto key = vector_key("k2048.pem");
    EXPECT_THAT(expect_not_added({key, "--passphrase-file", "-"}, ErrorCode::kWrongSecret, "wrong"),
                HasSubstr("k2048.pem"));
    expect_not_added({vector_key("k2048p8.pem"), "--passphrase-file", "-"}, ErrorCode::kWrongSecret,
                     "wrong");
    expect_not_added({key}, ErrorCode::kSecretRequired);
}

TEST_F(CommandLine, ReportsBadKeyFile) {
    EXPECT_THAT(expect_not_added({folder_.path() / "no.pem"}, ErrorCode::kNotFound),
                HasSubstr("no.pem"));
    expect_not_added({folder_.path()}, ErrorCode::kInvalidKey);
    EXPECT_THAT(expect_not_added({test_key("public-only.pem")}, ErrorCode::kInvalidKey),
                HasSubstr("public"));
    EXPECT_THAT(expect_not_added({test_key("ec.pem")}, ErrorCode::kInvalidKey), HasSubstr("P-256"));
    EXPECT_THAT(expect_not_added({test_key("rsa4104.pem")}, ErrorCode::kInvalidKey),
                HasSubstr("4104"));
    expect_not_added({folder_.file("garbage", "no key at all\n")}, ErrorCode::kInvalidKey);
    expect_not_added({folder_.file("empty", "")}, ErrorCode::kInvalidKey);
    expect_not_added({"/dev/null"}, ErrorCode::kInvalidKey);
}

TEST_F(CommandLine, ReportsUnreadableKeyFile) {
    // For nobody, not even us: the tests have no capabilities (private_keyrings.h).
    const auto file = folder_.file("key.pem", "");
    std::filesystem::permissions(file, std::filesystem::perms::none);
    expect_not_added({file}, ErrorCode::kAccessDenied);
}

TEST_F(CommandLine, ReportsUnknownModule) {
    expect_not_added({"x:y", "--module", "nosuch"}, ErrorCode::kUnknownModule);
    expect_not_added({"x:y"}, ErrorCode::kInvalidArgument);
}

TEST_F(CommandLine, ReportsBrokenToken) {
    auto payload = token_payload(kSomeSignature, "example", "example:a");
    payload[0] = 5;
    put_token(kSomeSignature, payload);
    for (const char* verb : {"unlock", "lock"}) {
        expect_clear(ctl({verb, kSomeSignature}), ErrorCode::kInvalidToken);
    }
    EXPECT_EQ(ctl({"remove-key", kSomeSignature}).exit_code, 0);
    EXPECT_EQ(user_keyring_size(), 0U);
}

TEST_F(CommandLine, ReportsUnknownKey) {
    for (const char* verb : {"unlock", "lock", "remove-key"}) {
        expect_clear(ctl({verb, kSomeSignature}), ErrorCode::kUnknownKey);
    }
}

TEST_F(CommandLine, ReportsFailedUnlock) {
    const auto signature = add_k2048();
    ASSERT_EQ(ctl({"lock", signature}).exit_code, 0);
    expect_clear(ctl({"unlock", signature}), ErrorCode::kSecretRequired);
    expect_clear(ctl({"unlock", signature, "--passphrase-file", "-"}, "wrong"),
                 ErrorCode::kWrongSecret);
    EXPECT_EQ(key(signature)["state"], "locked");
}

TEST_F(CommandLine, FailedSecondAddLeavesKeyAsItIs) {
    const auto signature = add_k2048();
    expect_clear(ctl({"add-key", vector_key("k2048.pem"), "--passphrase-file", "-"}, "wrong"),
                 ErrorCode::kWrongSecret);
    EXPECT_EQ(key(signature)["state"], "unlocked");
    expect_round_trip(signature);
    EXPECT_EQ(add_k2048(), signature);
    expect_round_trip(signature);
}

TEST_F(CommandLine, TakesMovedKey) {
    const auto moved = (folder_.path() / "moved.pem").string();
    std::filesystem::copy_file(vector_key("k2048.pem"), moved);
    const auto signature = add_k2048();
    EXPECT_EQ(add({moved}, "secret"), signature);
    EXPECT_EQ(key(signature)["locator"], "file://" + moved);
    EXPECT_EQ(key(signature)["state"], "unlocked");
    expect_round_trip(signature);
}

TEST_F(CommandLine, SecondKeyringKeepsKeyUnlocked) {
    const auto signature = add_k2048();
    EXPECT_EQ(add({vector_key("k2048.pem"), "--keyring", "session"}, "secret"), signature);
    EXPECT_EQ(key(signature)["state"], "unlocked");
    expect_round_trip(signature);
}

TEST_F(CommandLine, ChangedPassphraseOpensKey) {
    const auto file = folder_.file("key.pem", "");
    const auto change = [&](const std::string& passphrase) {
        const Arguments arguments = {
            "rsa",  "-aes128", "-in",      vector_key("k2048.pem"), "-passin", "pass:secret",
            "-out", file,      "-passout", "pass:" + passphrase};
        EXPECT_EQ(run({"openssl", arguments}).exit_code, 0);
    };
    change("first");
    const auto signature = add({file}, "first");
    change("second");
    EXPECT_EQ(add({file}, "second"), signature);
    ASSERT_EQ(::kill(module("openssl")["host_pid"].get<pid_t>(), SIGKILL), 0);
    expect_round_trip(signature);
}

TEST_F(CommandLine, ShortKeyIsTakenWithWarning) {
    const auto outcome =
        ctl({"add-key", vector_key("k1024.pem"), "--passphrase-file", "-"}, "secret");
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_THAT(outcome.err, MatchesRegex("warning: [^\n]+\n"));
}

TEST_F(CommandLine, KeyLivesFromAddToRemove) {
    const auto added = Json::parse(
        ctl({"add-key", vector_key("k2048.pem"), "--passphrase-file", "-", "--json"}, "secret")
            .out);
    const std::string signature = added["signature"];
    EXPECT_EQ(signature, kK2048Signature);
    EXPECT_EQ(added["module"], "openssl");
    expect_round_trip(signature);

    auto listed = keys();
    ASSERT_EQ(listed.size(), 1U);
    EXPECT_EQ(listed[0]["signature"], signature);
    EXPECT_EQ(listed[0]["state"], "unlocked");
    EXPECT_EQ(listed[0]["serial"], added["serial"]);
    EXPECT_EQ(listed[0]["locator"], added["locator"]);
    EXPECT_EQ(listed[0]["answered"], 2);
    EXPECT_GT(listed[0]["latency"]["median_usec"], 0);

    EXPECT_EQ(Json::parse(ctl({"lock", "--json"}).out), Json({{"locked", {signature}}}));
    EXPECT_EQ(keys()[0]["state"], "locked");
    const auto unlocked =
        ctl({"unlock", signature, "--passphrase-file", "-", "--json"}, "secret\n");
    EXPECT_EQ(Json::parse(unlocked.out), Json({{"unlocked", signature}}));
    EXPECT_EQ(keys()[0]["state"], "unlocked");

    const auto shown = status();
    EXPECT_EQ(shown["agent"]["pid"], agent_->pid());
    EXPECT_EQ(shown["device"]["open"], true);
    EXPECT_EQ(shown["keys"].size(), 1U);
    EXPECT_EQ(shown["queue"]["answered"], 2);
    EXPECT_EQ(shown["modules"][0]["name"], "openssl");
    EXPECT_THAT(ctl({"status"}).out, HasSubstr(signature));
    EXPECT_THAT(ctl({"list-keys"}).out, HasSubstr(signature));

    EXPECT_EQ(Json::parse(ctl({"remove-key", signature, "--json"}).out),
              Json({{"signature", signature}, {"removed_from", {"user"}}}));
    EXPECT_EQ(keys(), Json::array());
    EXPECT_EQ(user_keyring_size(), 0U);
    EXPECT_THAT(kernel_.encrypt(signature, make_file_key(16)), FailsFor(ErrorCode::kUnknownKey));
}

TEST_F(CommandLine, KeyExpiresWhenShown) {
    const auto signature = add({"example:a", "--module", "example", "--timeout", "1000"});
    EXPECT_TRUE(key(signature)["expires"].is_string());
}

class CommandLineAlone : public AgentTest {};

TEST_F(CommandLineAlone, ReportsMissingAgent) {
    for (const char* verb : {"status", "list-keys", "lock"}) {
        expect_clear(ctl({verb}), ErrorCode::kNoAgent);
    }
    expect_clear(ctl({"add-key", vector_key("k2048.pem")}), ErrorCode::kNoAgent);
}

TEST_F(CommandLineAlone, ReportsMissingBus) {
    expect_clear(run({ctl_program(), {"status"}, {}}), ErrorCode::kNoBus);
    bus_.stop();
    expect_clear(ctl({"status"}), ErrorCode::kNoBus);
}

}  // namespace
}  // namespace ecryptfs::test
