// SPDX-License-Identifier: Apache-2.0
//
// The whole program, verb by verb, against a fake agent on a bus of the test's own.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <keyutils.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "lib/keyring/keyrings.h"
#include "tests/cli/fake_agent.h"
#include "tests/fakes/private_bus.h"
#include "tests/support/command.h"
#include "tests/support/documented_json.h"
#include "tests/support/exit_code.h"
#include "tests/support/keyrings.h"
#include "tests/support/signatures.h"
#include "tests/support/temporary_folder.h"

namespace ecryptfs::test {
namespace {

using base::ErrorCode;
using Json = nlohmann::ordered_json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kKeyUri[] = "file:///home/ada/.ecryptfs/key.pem";

// The token's serial number, -1 if the keyring has none.
key_serial_t token_in(key_serial_t keyring) {
    return static_cast<key_serial_t>(::keyctl_search(keyring, "user", kSignature, 0));
}

bool in_keyring(key_serial_t keyring) {
    return token_in(keyring) > 0;
}

class VerbTest : public ::testing::Test {
  protected:
    void SetUp() override {
        // As after login: a session keyring that links the user keyring.
        make_login_keyrings();
    }

    void start_agent(FakeAgentScript script) { agent_.emplace(bus_.address(), std::move(script)); }
    void stop_agent() { agent_.reset(); }

    Outcome ctl(const Arguments& arguments, const std::string& input = "") const {
        return run({ECRYPTFSCTL, arguments, bus_.environment()}, input);
    }
    static Outcome ctl_without_bus(const Arguments& arguments) {
        return run({ECRYPTFSCTL, arguments});
    }

    PrivateBus bus_;
    std::optional<FakeAgent> agent_;
};

// In the session that the test was started in. Cron jobs and containers have none of their own but
// the kernel's default, for which add_key(@s) would make a new one that goes with the program.
class VerbTestInAnySession : public VerbTest {
  protected:
    void SetUp() override {}
    void TearDown() override { ctl({"remove-key", kSignature}); }
};

TEST_F(VerbTest, FailedStartOfAgentIsReported) {
    bus_.add_service("org.ecryptfs.Agent1", "/bin/false");
    const auto outcome = ctl({"list-keys"});
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kNoAgent)) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("cannot be started"));
}

TEST_F(VerbTest, DeathOfAgentIsReported) {
    auto script = documented_agent();
    script.deaths = {"GetManagedObjects"};
    start_agent(std::move(script));
    const auto outcome = ctl({"list-keys"});
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kNoAgent)) << outcome.err;
}

TEST_F(VerbTest, OtherVersionOfAgentIsReported) {
    auto script = documented_agent();
    script.foreign_failures = {{"Lock", "org.freedesktop.DBus.Error.UnknownMethod"}};
    script.wrong_answers = {"GetManagedObjects", "AddKey"};
    start_agent(std::move(script));
    EXPECT_EQ(ctl({"lock"}).exit_code, exit_code(ErrorCode::kNotSupported));
    for (const Arguments& arguments : {Arguments{"list-keys"}, Arguments{"add-key", "/k"}}) {
        const auto outcome = ctl(arguments);
        EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kInternal));
        EXPECT_THAT(outcome.err, HasSubstr("version"));
    }
}

TEST_F(VerbTest, EachErrorOfAgentIsPassedOn) {
    for (const auto& row : base::error_table()) {
        auto script = documented_agent();
        script.failures = {{"Lock", {row.code, "it went \x1b[31mwrong", "do better"}}};
        start_agent(std::move(script));
        const auto outcome = ctl({"lock", kSignature, "--json"});
        EXPECT_EQ(outcome.exit_code, row.status) << row.name;
        EXPECT_EQ(outcome.err, "ecryptfsctl: it went \\x1b[31mwrong\ntry: do better\n");
        EXPECT_THAT(outcome.out, IsEmpty());
        stop_agent();
    }
}

TEST_F(VerbTest, FullOutputFails) {
    const base::UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    Pipe err;
    Process program({ECRYPTFSCTL, {"--help"}},
                    {{STDOUT_FILENO, full.get()}, {STDERR_FILENO, err.writer.get()}});
    EXPECT_EQ(program.wait(), exit_code(ErrorCode::kInternal));
    std::array<char, 200> said{};
    EXPECT_GT(::read(err.reader.get(), said.data(), said.size() - 1), 0);
    EXPECT_THAT(said.data(), HasSubstr("No space left"));
}

TEST_F(VerbTest, AddKeyPrintsSignatureAndWritesToken) {
    start_agent(documented_agent());
    const auto outcome = ctl({"add-key", "/home/ada/.ecryptfs/key.pem"});
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_EQ(outcome.out, "fe3467554552491d\n");
    EXPECT_EQ(outcome.err, "");
    EXPECT_THAT(agent_->calls(), ElementsAre(std::string("AddKey openssl ") + kKeyUri + " ",
                                             "RegisterToken fe3467554552491d SERIAL"));
    const auto token = token_in(KEY_SPEC_USER_KEYRING);
    std::array<char, 1024> payload{};
    EXPECT_EQ(::keyctl_read(token, payload.data(), payload.size()), 780);
    EXPECT_EQ(std::string(payload.data(), 780), std::string(780, 't'));
}

TEST_F(VerbTest, AddKeyPrintsTheDocumentedJson) {
    start_agent(documented_agent());
    const auto outcome = ctl({"add-key", kKeyUri, "--json"});
    auto printed = Json::parse(outcome.out);
    EXPECT_EQ(printed["serial"], token_in(KEY_SPEC_USER_KEYRING));
    auto expected = documented_json("add-key");
    printed["serial"] = expected["serial"];
    EXPECT_EQ(printed, expected);
}

TEST_F(VerbTest, AddKeyShowsTheAgentsWarning) {
    auto script = documented_agent();
    script.warning = "1,024 bits are few";
    start_agent(std::move(script));
    const auto outcome = ctl({"add-key", kKeyUri, "--json"});
    EXPECT_EQ(outcome.err, "warning: 1,024 bits are few\n");
    EXPECT_EQ(Json::parse(outcome.out)["warnings"], Json::array({"1,024 bits are few"}));
}

TEST_F(VerbTest, AddKeyGivesPassphraseOnlyToAgent) {
    const TemporaryFolder folder;
    auto script = documented_agent();
    script.secret = "geheim";
    start_agent(std::move(script));
    const auto outcome =
        ctl({"add-key", kKeyUri, "--passphrase-file", folder.file("p", "geheim\r\n")});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(agent_->calls().front(), HasSubstr("key.pem geheim"));
    EXPECT_THAT(outcome.out + outcome.err, Not(HasSubstr("geheim")));
}

TEST_F(VerbTest, AddKeyWarnsOfReadablePassphraseFile) {
    const TemporaryFolder folder;
    auto script = documented_agent();
    script.secret = "geheim";
    start_agent(std::move(script));
    const auto file = folder.file("p", "geheim");
    ::chmod(file.c_str(), 0644);
    const auto outcome = ctl({"add-key", kKeyUri, "--passphrase-file", file});
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_THAT(outcome.err, AllOf(StartsWith("warning: "), HasSubstr("chmod 600")));
}

TEST_F(VerbTest, AddKeyReadsPassphraseFromInput) {
    auto script = documented_agent();
    script.secret = "geheim";
    start_agent(std::move(script));
    EXPECT_EQ(ctl({"add-key", kKeyUri, "--passphrase-file", "-"}, "geheim\n").exit_code, 0);
    EXPECT_EQ(ctl({"add-key", kKeyUri, "--passphrase-file=-"}, "geheim\n").exit_code, 0);
}

TEST_F(VerbTest, AddKeyTriesWrongPassphraseOnce) {
    auto script = documented_agent();
    script.secret = "geheim";
    start_agent(std::move(script));
    const auto outcome = ctl({"add-key", kKeyUri, "--passphrase-file", "-"}, "falsch\n");
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kWrongSecret));
    EXPECT_EQ(agent_->calls().size(), 1U);
    EXPECT_FALSE(in_keyring(KEY_SPEC_USER_KEYRING));
}

TEST_F(VerbTest, AddKeyNamesMissingOption) {
    auto script = documented_agent();
    script.secret = "geheim";
    start_agent(std::move(script));
    const auto outcome = ctl({"add-key", kKeyUri}, "geheim\n");
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kSecretRequired));
    EXPECT_THAT(outcome.err, HasSubstr("--passphrase-file"));
    EXPECT_EQ(agent_->calls().size(), 1U);
}

TEST_F(VerbTest, AddKeyReportsEmptyPassphraseFile) {
    auto script = documented_agent();
    script.secret = "geheim";
    start_agent(std::move(script));
    const auto outcome = ctl({"add-key", kKeyUri, "--passphrase-file", "-"}, "");
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kSecretRequired));
    EXPECT_THAT(outcome.err, HasSubstr("empty"));
}

TEST_F(VerbTest, AddKeyNeedsNoDevice) {
    auto script = documented_agent();
    script.manager["DeviceState"] = std::string(base::traits(ErrorCode::kNoDevice).name);
    start_agent(std::move(script));
    const auto outcome = ctl({"add-key", kKeyUri});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_TRUE(in_keyring(KEY_SPEC_USER_KEYRING));
}

TEST_F(VerbTest, AddKeyLinksUserKeyringIntoSession) {
    ASSERT_GT(::keyctl_join_session_keyring(nullptr), 0);
    start_agent(documented_agent());
    const auto outcome = ctl({"add-key", kKeyUri, "--timeout", "1000"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    EXPECT_TRUE(in_keyring(KEY_SPEC_SESSION_KEYRING));
}

TEST_F(VerbTest, AddKeyWarnsOfUnusableSession) {
    const auto session = ::keyctl_join_session_keyring(nullptr);
    ASSERT_EQ(::keyctl_setperm(session, KEY_POS_VIEW | KEY_POS_SEARCH), 0);
    start_agent(documented_agent());
    const auto outcome = ctl({"add-key", kKeyUri, "--timeout", "1000"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(outcome.err, AllOf(StartsWith("warning: "), HasSubstr("keyctl session")));
    EXPECT_TRUE(in_keyring(KEY_SPEC_USER_KEYRING));
}

TEST_F(VerbTest, AddKeyMayUseSessionKeyring) {
    start_agent(documented_agent());
    const auto outcome =
        ctl({"add-key", kKeyUri, "--keyring", "session", "--timeout", "500", "--json"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_FALSE(in_keyring(KEY_SPEC_USER_KEYRING));
    const auto token = token_in(KEY_SPEC_SESSION_KEYRING);
    ASSERT_GT(token, 0);
    const auto printed = Json::parse(outcome.out);
    EXPECT_EQ(printed["keyring"], "session");
    EXPECT_EQ(printed["serial"], token);
    EXPECT_EQ(printed["timeout_seconds"], 500);
    std::array<char, 256> description{};
    ASSERT_GT(::keyctl_describe(token, description.data(), description.size()), 0);
    EXPECT_THAT(description.data(), HasSubstr(";3f0b0000;"));
}

TEST_F(VerbTestInAnySession, AddedTokenOutlivesTheProgram) {
    start_agent(documented_agent());
    EXPECT_EQ(ctl({"add-key", kKeyUri, "--keyring", "session"}).exit_code, 0);
    EXPECT_TRUE(in_keyring(KEY_SPEC_SESSION_KEYRING));
    EXPECT_FALSE(in_keyring(KEY_SPEC_USER_KEYRING));
}

TEST_F(VerbTest, RefusedTokenIsTakenBack) {
    auto script = documented_agent();
    script.failures = {{"RegisterToken", {ErrorCode::kInvalidToken, "not that one"}}};
    start_agent(std::move(script));
    EXPECT_EQ(ctl({"add-key", kKeyUri}).exit_code, exit_code(ErrorCode::kInvalidToken));
    EXPECT_FALSE(in_keyring(KEY_SPEC_USER_KEYRING));
}

TEST_F(VerbTest, UnwrittenTokenForgetsNewKey) {
    auto script = documented_agent();
    script.keys.clear();
    script.token = std::string(40'000, 't');  // more than a key may hold
    start_agent(std::move(script));
    EXPECT_NE(ctl({"add-key", kKeyUri}).exit_code, 0);
    EXPECT_EQ(agent_->calls().back(), "ForgetKey fe3467554552491d");
}

TEST_F(VerbTest, UnwrittenTokenKeepsKnownKey) {
    auto script = documented_agent();
    script.token = std::string(40'000, 't');
    start_agent(std::move(script));
    EXPECT_NE(ctl({"add-key", kKeyUri}).exit_code, 0);
    EXPECT_EQ(agent_->calls().size(), 1U);
}

TEST_F(VerbTest, AddKeyAdvisesOnFullQuota) {
    // This user has no other keys (private_keyrings.h), so few big ones fill its 20,000 bytes.
    const std::string big(9'000, 'x');
    for (const char* name : {"a", "b"}) {
        ::add_key("user", name, big.data(), big.size(), KEY_SPEC_USER_KEYRING);
    }
    auto script = documented_agent();
    script.keys.clear();
    script.token = std::string(3'000, 't');
    start_agent(std::move(script));
    const auto outcome = ctl({"add-key", kKeyUri});
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kQuotaExceeded)) << outcome.err;
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("/proc/keys"), HasSubstr("/proc/sys/kernel/keys"),
                                   HasSubstr("remove a key")));
    EXPECT_EQ(agent_->calls().back(), "ForgetKey fe3467554552491d");
}

TEST_F(VerbTest, ListKeysPrintsTheDocumentedJson) {
    auto script = documented_agent();
    script.keys.at(kSignature)["ExpiresUsec"] = std::uint64_t{1'772'370'309'000'000};
    start_agent(std::move(script));
    const auto outcome = ctl({"list-keys", "--json"});
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_EQ(Json::parse(outcome.out), documented_json("list-keys"));
}

TEST_F(VerbTest, ListKeysShowsSortedTable) {
    auto script = documented_agent();
    script.keys["0123456789abcdef"] = {{"Signature", std::string("0123456789abcdef")},
                                       {"Module", std::string("pkcs11")},
                                       {"Locator", std::string("pkcs11:token=\x1b[2Jt")},
                                       {"State", std::string("locked")}};
    start_agent(std::move(script));
    EXPECT_EQ(ctl({"list-keys"}).out,
              "SIGNATURE         MODULE   STATE     EXPIRES  LOCATOR\n"
              "0123456789abcdef  pkcs11   locked    never    pkcs11:token=\\x1b[2Jt\n"
              "fe3467554552491d  openssl  unlocked  never    file:///home/ada/.ecryptfs/key.pem\n");
}

TEST_F(VerbTest, ListKeysReportsNone) {
    auto script = documented_agent();
    script.keys.clear();
    start_agent(std::move(script));
    EXPECT_THAT(ctl({"list-keys"}).out, StartsWith("no keys"));
    EXPECT_EQ(Json::parse(ctl({"list-keys", "--json"}).out), Json::parse(R"({"keys": []})"));
}

TEST_F(VerbTest, StatusPrintsTheDocumentedJson) {
    start_agent(documented_agent());
    const auto outcome = ctl({"status", "--json"});
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_EQ(outcome.err, "");
    const auto expected = documented_json("status");
    auto printed = Json::parse(outcome.out);
    EXPECT_TRUE(printed["mounts"].is_array());
    printed["mounts"] = expected["mounts"];  // the machine may have some, those of other tests
    EXPECT_EQ(printed, expected);
}

TEST_F(VerbTest, StatusShowsWholeInterface) {
    auto script = documented_agent();
    std::uint64_t next = 7001;  // a number of its own for each property
    for (auto* properties : {&script.manager, &script.keys.at(kSignature), &script.modules[0]}) {
        for (auto& [name, value] : *properties) {
            if (std::holds_alternative<std::uint64_t>(value) && !name.ends_with("Usec") &&
                name != "KernelFeatures") {
                value = next++;
            }
        }
    }
    start_agent(std::move(script));
    const auto text = ctl({"status"}).out;
    for (std::uint64_t number = 7001; number < next; ++number) {
        EXPECT_THAT(text, HasSubstr(std::to_string(number)));
    }
}

TEST_F(VerbTest, StatusFailsWithoutOpenDevice) {
    auto script = documented_agent();
    script.manager["DeviceState"] = std::string("DeviceBusy");
    script.manager["DeviceMessage"] = std::string("another daemon holds /dev/ecryptfs");
    script.manager["DeviceAdvice"] = std::string("stop it");
    start_agent(std::move(script));
    const auto outcome = ctl({"status", "--json"});
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kDeviceBusy));
    EXPECT_EQ(outcome.err, "ecryptfsctl: another daemon holds /dev/ecryptfs\ntry: stop it\n");
    const auto device = Json::parse(outcome.out)["device"];
    EXPECT_EQ(device["open"], false);
    EXPECT_EQ(device["opened"], nullptr);
    EXPECT_EQ(device["error"]["name"], "DeviceBusy");
    EXPECT_EQ(device["error"]["advice"], "stop it");
    EXPECT_THAT(ctl({"status"}).out, HasSubstr("not open: another daemon"));
}

TEST_F(VerbTest, RemoveKeyUnlinksTokenAndTellsAgent) {
    start_agent(documented_agent());
    ASSERT_EQ(ctl({"add-key", kKeyUri}).exit_code, 0);
    const auto outcome = ctl({"remove-key", "FE3467554552491D", "--json"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(Json::parse(outcome.out), documented_json("remove-key"));
    EXPECT_FALSE(in_keyring(KEY_SPEC_USER_KEYRING));
    EXPECT_EQ(agent_->calls().back(), "ForgetKey fe3467554552491d");
}

TEST_F(VerbTest, RemoveKeyNeedsNeitherAgentNorBus) {
    for (const auto& where : {bus_.environment(), Environment{}}) {
        ASSERT_GT(::add_key("user", kSignature, "t", 1, KEY_SPEC_USER_KEYRING), 0);
        ASSERT_GT(::add_key("user", kSignature, "t", 1, KEY_SPEC_SESSION_KEYRING), 0);
        const auto outcome = run({ECRYPTFSCTL, {"remove-key", kSignature}, where});
        EXPECT_EQ(outcome.exit_code, 0);
        EXPECT_EQ(outcome.out + outcome.err, "");
        EXPECT_FALSE(in_keyring(KEY_SPEC_SESSION_KEYRING));
    }
}

TEST_F(VerbTest, RemoveKeyTakesKeyOfAgentOnly) {
    start_agent(documented_agent());
    const auto outcome = ctl({"remove-key", kSignature, "--json"});
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_EQ(Json::parse(outcome.out)["removed_from"], Json::array());
}

TEST_F(VerbTest, RemoveKeyReportsUnknownKey) {
    start_agent(documented_agent());
    const auto outcome = ctl({"remove-key", "0123456789abcdef"});
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kUnknownKey));
    EXPECT_THAT(outcome.err, HasSubstr("list-keys"));
    EXPECT_EQ(ctl_without_bus({"remove-key", "0123456789abcdef"}).exit_code,
              exit_code(ErrorCode::kUnknownKey));
}

TEST_F(VerbTest, LockLocksOneKeyOrAll) {
    start_agent(documented_agent());
    EXPECT_EQ(Json::parse(ctl({"lock", kSignature, "--json"}).out), documented_json("lock"));
    EXPECT_EQ(Json::parse(ctl({"lock", "--json"}).out), documented_json("lock"));
    EXPECT_EQ(ctl({"lock"}).out, "");
    EXPECT_THAT(agent_->calls(), ElementsAre("Lock fe3467554552491d", "Lock", "Lock"));
}

TEST_F(VerbTest, LockAndUnlockReportUnknownKey) {
    start_agent(documented_agent());
    for (const char* verb : {"lock", "unlock"}) {
        const auto outcome = ctl({verb, "0123456789abcdef"});
        EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kUnknownKey)) << outcome.err;
        EXPECT_THAT(outcome.err, HasSubstr("list-keys"));
    }
}

TEST_F(VerbTest, UnlockTriesWithoutSecretFirst) {
    start_agent(documented_agent());
    const auto outcome = ctl({"unlock", kSignature, "--json"});
    EXPECT_EQ(Json::parse(outcome.out), documented_json("unlock"));
    EXPECT_THAT(agent_->calls(), ElementsAre("Unlock fe3467554552491d "));
}

TEST_F(VerbTest, UnlockTakesAPassphraseFile) {
    auto script = documented_agent();
    script.secret = "geheim";
    start_agent(std::move(script));
    EXPECT_EQ(ctl({"unlock", kSignature, "--passphrase-file", "-"}, "geheim").exit_code, 0);
    EXPECT_EQ(ctl({"unlock", kSignature}).exit_code, exit_code(ErrorCode::kSecretRequired));
}

}  // namespace
}  // namespace ecryptfs::test
