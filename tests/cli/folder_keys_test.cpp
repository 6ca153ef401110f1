// SPDX-License-Identifier: Apache-2.0
//
// The verbs for folder keys: the whole program.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "tests/cli/terminal_program.h"
#include "tests/fakes/build_under_test.h"
#include "tests/support/command.h"
#include "tests/support/documented_json.h"
#include "tests/support/exit_code.h"
#include "tests/support/files.h"
#include "tests/support/temporary_folder.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using Json = nlohmann::ordered_json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class FolderKeyTest : public ::testing::Test {
  protected:
    Command command(const Arguments& arguments) const {
        return {ECRYPTFSCTL, arguments, {{"HOME", folder_.path().string()}, {"LANG", "C.UTF-8"}}};
    }
    Outcome ctl(const Arguments& arguments, const std::string& input = "") const {
        return run(command(arguments), input);
    }
    std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

    // With a recovery key, which is in a file: quicker than a passphrase.
    void create_with_recovery() const {
        const auto made = ctl({"create-folder-key", key(), "--recovery-file", path("recovery")});
        ASSERT_EQ(made.exit_code, 0) << made.err;
    }
    std::string key() const { return path("k.jwe"); }
    Outcome opened(const std::string& secret, const Arguments& more = {}) const {
        Arguments arguments = {"test-recipient", key(), "--passphrase-file", "-"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return ctl(arguments, secret);
    }
    std::string recovery_key(const std::string& name = "recovery") const {
        return content_of(path(name));
    }
    Arguments kids() const {
        Arguments found;
        const auto listed = Json::parse(ctl({"list-recipients", key(), "--json"}).out);
        for (const auto& each : listed.at("recipients")) {
            found.push_back(each.at("kid").get<std::string>());
        }
        return found;
    }

    // A verb that may run PKI modules, with those of this build.
    Outcome with_modules(Arguments arguments, const std::string& input = "") const {
        arguments.insert(arguments.end(),
                         {"--module-dir", built("modules"), "--pki-host", host_program()});
        return ctl(arguments, input);
    }
    std::string make_pem(const std::string& name, Arguments options) const {
        options.insert(options.begin(), {"genpkey", "-out", path(name)});
        EXPECT_EQ(run({"/usr/bin/openssl", options}).exit_code, 0);
        return path(name);
    }
    std::string make_curve_pem(const std::string& name, const std::string& curve) const {
        return make_pem(name, {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:" + curve});
    }

    TemporaryFolder folder_;
};

TEST_F(FolderKeyTest, NewFileIsForItsOwnerAlone) {
    create_with_recovery();
    EXPECT_EQ(status_of(key()).st_mode & 0777, 0600U);
    EXPECT_EQ(status_of(path("recovery")).st_mode & 0777, 0600U);
    EXPECT_THAT(content_of(key()), Not(HasSubstr(recovery_key().substr(0, 9))));
    EXPECT_THAT(opened(recovery_key()).out, "recovery opens it\n");
}

TEST_F(FolderKeyTest, NothingIsOverwritten) {
    create_with_recovery();
    const auto before = content_of(key());
    const auto again = ctl({"create-folder-key", key(), "--recovery-file", path("r2")});
    EXPECT_EQ(again.exit_code, exit_code(ErrorCode::kAlreadyExists));
    EXPECT_EQ(content_of(key()), before);
    EXPECT_FALSE(fs::exists(path("r2")));
}

TEST_F(FolderKeyTest, JsonIsTheDocumentedOne) {
    create_with_recovery();
    auto listed = Json::parse(ctl({"list-recipients", key(), "--json"}).out);
    const auto documented = documented_json("list-recipients");
    for (const auto* name : {"signature", "fnek_signature", "folder"}) {
        EXPECT_EQ(listed[name].get<std::string>().size(),
                  documented[name].get<std::string>().size());
        listed[name] = documented[name];
    }
    EXPECT_EQ(listed["file"], key());
    listed["file"] = documented["file"];
    EXPECT_EQ(listed, documented);
    auto tried = Json::parse(opened(recovery_key(), {"--json"}).out);
    tried["file"] = documented["file"];
    EXPECT_EQ(tried, documented_json("test-recipient"));
}

TEST_F(FolderKeyTest, ImportedPassphraseKeepsItsSignatures) {
    const auto made = ctl({"create-folder-key", key(), "--recovery-file", path("recovery"),
                           "--import-passphrase-file", "-", "--json"},
                          "correct-horse");
    ASSERT_EQ(made.exit_code, 0) << made.err;
    const auto json = Json::parse(made.out);
    EXPECT_EQ(json["signature"], "9d59cdc2eaf8d95e");
    EXPECT_EQ(json["fnek_signature"], "e80b89d3427db0d3");
}

TEST_F(FolderKeyTest, RecoveryKeyMayBeTypedLoosely) {
    create_with_recovery();
    auto typed = recovery_key();
    std::ranges::transform(typed, typed.begin(), [](char letter) {
        return letter == '-' ? ' ' : static_cast<char>(std::toupper(letter));
    });
    EXPECT_EQ(opened(typed).exit_code, 0);
    typed.front() = typed.front() == 'C' ? 'B' : 'C';
    EXPECT_EQ(opened(typed).exit_code, exit_code(ErrorCode::kWrongSecret));
}

TEST_F(FolderKeyTest, ChangedPassphraseReplacesTheOldOne) {
    const auto made = ctl({"create-folder-key", key(), "--passphrase-file", "-"}, "old one");
    ASSERT_EQ(made.exit_code, 0) << made.err;
    EXPECT_THAT(made.err, HasSubstr("has no recovery key"));
    const auto changed = ctl({"change-passphrase", key(), "--passphrase-file", "-",
                              "--new-passphrase-file", folder_.file("new", "new one")},
                             "old one");
    EXPECT_EQ(changed.exit_code, 0) << changed.err;
    EXPECT_THAT(kids(), ElementsAre("passphrase"));
    EXPECT_EQ(opened("old one").exit_code, exit_code(ErrorCode::kWrongSecret));
    EXPECT_EQ(opened("new one").exit_code, 0);
}

TEST_F(FolderKeyTest, EachRecipientAloneOpens) {
    create_with_recovery();
    for (const auto* name : {"first", "second"}) {
        const auto added = ctl({"add-recipient", key(), "--passphrase-file", path("recovery"),
                                "--new-passphrase-file", folder_.file(name, name)});
        ASSERT_EQ(added.exit_code, 0) << added.err;
    }
    EXPECT_THAT(kids(), ElementsAre("recovery", "passphrase", "passphrase-2"));
    const std::map<std::string, std::string> secrets = {
        {"recovery", recovery_key()}, {"passphrase", "first"}, {"passphrase-2", "second"}};
    const auto whole = content_of(key());
    for (const auto& [kid, secret] : secrets) {
        folder_.file("k.jwe", whole);
        for (const auto& other : kids()) {
            if (other != kid) {
                const auto removed = ctl({"remove-recipient", key(), other});
                ASSERT_EQ(removed.exit_code, 0) << removed.err;
                EXPECT_THAT(removed.err, HasSubstr("is not revoked"));
            }
        }
        EXPECT_EQ(opened(secret).out, kid + " opens it\n");
        const auto last = ctl({"remove-recipient", key(), kid});
        EXPECT_EQ(last.exit_code, exit_code(ErrorCode::kInvalidArgument));
        EXPECT_THAT(last.err, HasSubstr("is the last recipient"));
    }
}

TEST_F(FolderKeyTest, EachKindOfKeyFileOpens) {
    const std::map<std::string, std::string> algorithms = {
        {make_pem("rsa.pem", {"-algorithm", "RSA"}), "RSA-OAEP-256"},
        {make_curve_pem("p256.pem", "P-256"), "ECDH-ES+A256KW"},
        {make_curve_pem("p384.pem", "P-384"), "ECDH-ES+A256KW"},
        {make_pem("x25519.pem", {"-algorithm", "X25519"}), "ECDH-ES+A256KW"}};
    Arguments create = {"create-folder-key", key(), "--recovery-file", path("recovery"), "--json"};
    for (const auto& [pem, algorithm] : algorithms) {
        create.insert(create.end(), {"--recipient", pem});
    }
    const auto made = with_modules(create);
    ASSERT_EQ(made.exit_code, 0) << made.err;
    const auto recipients = Json::parse(made.out).at("recipients");
    ASSERT_EQ(recipients.size(), 5U);
    for (const auto& each : recipients) {
        if (each["kind"] != "key") {
            continue;
        }
        const auto pem = each["locator"].get<std::string>().substr(std::string("file://").size());
        EXPECT_EQ(each["algorithm"], algorithms.at(pem));
        const auto kid = each["kid"].get<std::string>();
        EXPECT_EQ(kid.size(), 16U);
        EXPECT_EQ(with_modules({"test-recipient", key(), kid}).out, kid + " opens it\n");
    }
    // The next one opens it when one is gone, and in the end the recovery key.
    for (const auto& [pem, algorithm] : algorithms) {
        EXPECT_EQ(with_modules({"test-recipient", key()}).exit_code, 0);
        fs::remove(pem);
    }
    EXPECT_EQ(with_modules({"test-recipient", key()}).exit_code,
              exit_code(ErrorCode::kSecretRequired));
    EXPECT_EQ(with_modules({"test-recipient", key(), "--passphrase-file", path("recovery")}).out,
              "recovery opens it\n");
}

TEST_F(FolderKeyTest, EncryptedKeyFileNeedsItsPassphrase) {
    const auto pem = make_pem("key.pem", {"-algorithm", "RSA", "-aes256", "-pass", "pass:geheim"});
    const auto secret = folder_.file("secret", "geheim");
    const auto made = with_modules(
        {"create-folder-key", key(), "--recipient", pem, "--key-passphrase-file", secret});
    ASSERT_EQ(made.exit_code, 0) << made.err;
    EXPECT_EQ(with_modules({"test-recipient", key(), "--key-passphrase-file", secret}).exit_code,
              0);
    EXPECT_EQ(with_modules({"test-recipient", key(), "--key-passphrase-file", "-"}, "no").exit_code,
              exit_code(ErrorCode::kWrongSecret));
    EXPECT_EQ(with_modules({"test-recipient", key()}).exit_code,
              exit_code(ErrorCode::kSecretRequired));
}

TEST_F(FolderKeyTest, OtherKeyInItsPlaceIsNotUsed) {
    const auto pem = make_curve_pem("key.pem", "P-256");
    ASSERT_EQ(with_modules({"create-folder-key", key(), "--recipient", pem}).exit_code, 0);
    make_curve_pem("key.pem", "P-256");
    const auto refused = with_modules({"test-recipient", key()});
    EXPECT_EQ(refused.exit_code, exit_code(ErrorCode::kUnknownKey));
    EXPECT_THAT(refused.err, HasSubstr("is another key now"));
}

TEST_F(FolderKeyTest, NamedRecipientAloneIsTried) {
    create_with_recovery();
    EXPECT_EQ(opened(recovery_key(), {"recovery"}).exit_code, 0);
    EXPECT_EQ(opened(recovery_key(), {"passphrase"}).exit_code, exit_code(ErrorCode::kNotFound));
}

TEST_F(FolderKeyTest, RecoveryKeyIsShownAndTypedOnce) {
    TerminalProgram program(command({"create-folder-key", key(), "--recovery"}));
    const auto shown = program.wait_for("written down: ");
    EXPECT_THAT(shown, HasSubstr("█"));
    const auto line = shown.find("\n    ") + 5;
    program.type(shown.substr(line, shown.find('\r', line) - line) + "\n");
    const int status = program.wait_for_change();
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << program.shown();
    EXPECT_EQ(opened(shown.substr(line, 39)).exit_code, 0);
}

TEST_F(FolderKeyTest, MistypedRecoveryKeyMakesNoFile) {
    TerminalProgram program(command({"create-folder-key", key(), "--recovery"}));
    program.wait_for("written down: ");
    program.type("cccc-cccc-cccc-cccc-cccc-cccc-cccc-cccc\n");
    const int status = program.wait_for_change();
    EXPECT_EQ(WEXITSTATUS(status), exit_code(ErrorCode::kInvalidArgument)) << program.shown();
    EXPECT_FALSE(fs::exists(key()));
}

TEST_F(FolderKeyTest, ThoseWhoAddAtOnceLoseNone) {
    create_with_recovery();
    std::vector<std::thread> adders;
    for (int i = 0; i < 4; ++i) {
        adders.emplace_back([this, i] {
            const auto added = ctl({"add-recipient", key(), "--passphrase-file", path("recovery"),
                                    "--recovery-file", path("recovery" + std::to_string(i))});
            EXPECT_EQ(added.exit_code, 0) << added.err;
        });
    }
    std::ranges::for_each(adders, &std::thread::join);
    EXPECT_EQ(kids().size(), 5U);
    for (int i = 0; i < 4; ++i) {
        EXPECT_EQ(opened(recovery_key("recovery" + std::to_string(i))).exit_code, 0);
    }
}

// Kills the program after each of many times, from its start to beyond its end.
TEST_F(FolderKeyTest, KilledProgramLeavesOldOrNewFile) {
    constexpr int kDeaths = 7;  // of each of three verbs
    const auto time_of = [&](const Arguments& arguments) {
        const auto start = std::chrono::steady_clock::now();
        EXPECT_EQ(ctl(arguments).exit_code, 0);
        return std::chrono::steady_clock::now() - start;
    };
    create_with_recovery();
    const auto old = content_of(key());
    const Arguments add = {"add-recipient",   key(),      "--passphrase-file", path("recovery"),
                           "--recovery-file", path("new")};
    const auto time = time_of(add) * 14 / 10;
    const auto both = content_of(key());
    const Arguments remove = {"remove-recipient", key(), "recovery-2"};
    const auto removing_time = time_of(remove) * 14 / 10;
    int done = 0;
    const auto kill_while = [&](const Arguments& arguments, auto after) {
        Process program(command(arguments), {});
        std::this_thread::sleep_for(after);
        program.send_signal(SIGKILL);
        program.wait();
    };
    for (int i = 0; i < kDeaths; ++i) {
        fs::remove(path("new"));
        folder_.file("k.jwe", old);
        kill_while(add, time * i / kDeaths);
        done += kids().size() == 2 ? 1 : 0;
        ASSERT_EQ(opened(recovery_key()).exit_code, 0) << i;

        folder_.file("k.jwe", both);
        kill_while(remove, removing_time * i / kDeaths);
        const auto left = kids().size();
        ASSERT_TRUE(left == 1 || left == 2) << i;

        fs::remove(key());
        fs::remove(path("new"));
        kill_while({"create-folder-key", key(), "--recovery-file", path("new")},
                   time * i / kDeaths);
        if (fs::exists(key())) {
            EXPECT_EQ(opened(recovery_key("new")).exit_code, 0) << i;
        }
    }
    EXPECT_GT(done, 0) << "no one was killed late";
    EXPECT_LT(done, kDeaths) << "no one was killed early";
}

}  // namespace
}  // namespace ecryptfs::test
