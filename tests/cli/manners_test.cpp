// SPDX-License-Identifier: Apache-2.0
//
// How ecryptfsctl behaves towards people, terminals and scripts, whatever the verb.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "cli/ask/pinentry.h"
#include "cli/input/typed_command.h"
#include "cli/output/output.h"
#include "cli/verbs/library_consent.h"
#include "lib/base/allowed_libraries.h"
#include "lib/base/verb_advice.h"
#include "tests/cli/fake_agent.h"
#include "tests/cli/terminal_program.h"
#include "tests/fakes/private_bus.h"
#include "tests/support/command.h"
#include "tests/support/exit_code.h"
#include "tests/support/files.h"
#include "tests/support/signatures.h"
#include "tests/support/temporary_folder.h"

namespace ecryptfs::test {
namespace {

using base::ErrorCode;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class AskTest : public ::testing::Test {
  protected:
    static FakeAgentScript agent_with_secret() {
        auto script = documented_agent();
        script.secret = "geheim";
        return script;
    }

    // A program of this text; its path.
    std::string script(const std::string& name, const std::string& text) const {
        const auto path = (folder_.path() / name).string();
        std::ofstream(path) << "#!/bin/sh\n" << text;
        EXPECT_EQ(::chmod(path.c_str(), 0700), 0);
        return path;
    }
    Command unlock(const std::string& askpass, Environment more = {}) const {
        auto environment = bus_.environment();
        environment.merge(more);
        return {ECRYPTFSCTL, {"unlock", kSignature, "--askpass", askpass}, environment};
    }

    TemporaryFolder folder_;
    PrivateBus bus_;
    FakeAgent agent_{bus_.address(), agent_with_secret()};
};

TEST_F(AskTest, ProgramGetsQuestionAndAnswers) {
    const auto askpass = script("ask", "printf '%s' \"$1\" >" + (folder_.path() / "q").string() +
                                           "\necho geheim\necho more\n");
    const auto outcome = run(unlock(askpass));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(content_of((folder_.path() / "q").string()),
              "Passphrase for /home/ada/.ecryptfs/key.pem: ");
    EXPECT_THAT(agent_.calls(),
                ElementsAre("Unlock fe3467554552491d ", "Unlock fe3467554552491d geheim"));
}

TEST_F(AskTest, ProgramMayGiveNoAnswer) {
    EXPECT_EQ(run(unlock(script("no", "exit 1\n"))).exit_code, 130);
    EXPECT_EQ(run(unlock(script("empty", "echo\n"))).exit_code,
              exit_code(ErrorCode::kSecretRequired));
    const auto outcome = run(unlock("/no/such/program"));
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kNotFound));
    EXPECT_THAT(outcome.err, HasSubstr("/no/such/program cannot be run"));
    EXPECT_EQ(run(unlock("/no/such/pinentry")).exit_code, exit_code(ErrorCode::kNotFound));
    EXPECT_THAT(agent_.calls(), testing::Each("Unlock fe3467554552491d "));
}

TEST_F(AskTest, FailedPinentryIsReported) {
    const auto cancelled = script("pinentry-a",
                                  "echo OK\nwhile read -r line; do\n"
                                  "case $line in GETPIN) echo 'ERR 83886179 Operation "
                                  "cancelled <Pinentry>';; *) echo OK;; esac\ndone\n");
    EXPECT_EQ(run(unlock(cancelled)).exit_code, 130);
    EXPECT_EQ(run(unlock(script("pinentry-b", "echo OK\n"))).exit_code,
              exit_code(ErrorCode::kModuleFailed));
    EXPECT_EQ(run(unlock(script("pinentry-c", "yes | tr -d '\\n' | head -c 9999\n"))).exit_code,
              exit_code(ErrorCode::kModuleFailed));
}

// The real ones, on a terminal.
TEST_F(AskTest, PinentryAsksOnTheTerminal) {
    TerminalProgram program(
        unlock("/usr/bin/pinentry-curses", {{"TERM", "xterm"}, {"PATH", "/usr/bin:/bin"}}));
    program.wait_for("/home/ada/.ecryptfs/key.pem");
    program.wait_for("Cancel");
    program.type("geheim\r");
    EXPECT_EQ(program.wait_for_change(), 0) << program.shown();
    EXPECT_THAT(program.shown(), Not(HasSubstr("geheim")));
    EXPECT_THAT(agent_.calls().back(), HasSubstr(" geheim"));
    EXPECT_TRUE(program.echoes());
}

TEST_F(AskTest, SystemdAsksOnTheTerminal) {
    TerminalProgram program(
        unlock("systemd-ask-password", {{"TERM", "xterm"}, {"PATH", "/usr/bin:/bin"}}));
    program.wait_for("Passphrase for /home/ada/.ecryptfs/key.pem");
    wait_until("it echoes no more", [&] { return !program.echoes(); });
    program.type("geheim\r");
    EXPECT_EQ(program.wait_for_change(), 0) << program.shown();
    EXPECT_THAT(program.shown(), Not(HasSubstr("geheim")));
    EXPECT_THAT(agent_.calls().back(), HasSubstr(" geheim"));
}

TEST_F(AskTest, MissingTerminalNamesOption) {
    const auto outcome = run({ECRYPTFSCTL, {"unlock", kSignature}, bus_.environment()});
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kSecretRequired));
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("--passphrase-file FILE"), HasSubstr("--askpass")));
}

TEST_F(AskTest, EachAskingVerbNamesOption) {
    const auto wrapped = (folder_.path() / "wrapped").string();
    ASSERT_EQ(run({ECRYPTFSCTL,
                   {"wrap-passphrase", wrapped, "--passphrase-file", script("mount", "x\n"),
                    "--wrapping-passphrase-file", script("wrap", "y\n")}})
                  .exit_code,
              0);
    const std::vector<std::pair<Arguments, std::string>> verbs = {
        {{"add-passphrase"}, "--passphrase-file"},
        {{"add-passphrase", "--wrapped", wrapped}, "--wrapping-passphrase-file"},
        {{"wrap-passphrase", wrapped + "2"}, "--passphrase-file"},
        {{"unwrap-passphrase", wrapped}, "--wrapping-passphrase-file"},
        {{"rewrap-passphrase", wrapped}, "--wrapping-passphrase-file"},
        {{"generate-key", "openssl", wrapped + ".pem"}, "--passphrase-file"},
        {{"decrypt", wrapped, "--output", wrapped + "3", "--passphrase"}, "--passphrase-file"}};
    for (const auto& [arguments, option] : verbs) {
        const auto outcome = run({ECRYPTFSCTL, arguments});
        EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kSecretRequired))
            << arguments.front() << ": " << outcome.err;
        EXPECT_THAT(outcome.err, AllOf(HasSubstr(option), HasSubstr("--askpass")));
    }
}

TEST(PinentryData, IsUnescaped) {
    const auto plain = [](std::string_view data) {
        return std::string(base::as_text(cli::unescaped_data(base::as_bytes(data)).value().view()));
    };
    EXPECT_EQ(plain("a%25b%0Ac d"), "a%b\nc d");
    EXPECT_EQ(plain(""), "");
    for (const auto* wrong : {"%", "%2", "a%zz", "%-1"}) {
        EXPECT_FALSE(cli::unescaped_data(base::as_bytes(wrong))) << wrong;
    }
}

class CommonOptions : public AskTest {};

TEST_F(CommonOptions, QuietHidesWarningsNotErrors) {
    const auto file = script("secret", "");  // its first line is no passphrase, but others read it
    std::ofstream(file) << "geheim\n";
    ::chmod(file.c_str(), 0644);
    Arguments arguments = {"unlock", kSignature, "--passphrase-file", file};
    EXPECT_THAT(run({ECRYPTFSCTL, arguments, bus_.environment()}).err,
                HasSubstr("warning: others can read"));
    arguments.emplace_back("--quiet");
    EXPECT_EQ(run({ECRYPTFSCTL, arguments, bus_.environment()}).err, "");
    std::ofstream(file) << "falsch\n";
    EXPECT_THAT(run({ECRYPTFSCTL, arguments, bus_.environment()}).err, StartsWith("ecryptfsctl: "));
}

TEST_F(CommonOptions, ColoursAreOnlyForTerminals) {
    const auto shown = [&](Environment environment) {
        environment.merge(bus_.environment());
        TerminalProgram program({ECRYPTFSCTL, {"list-keys"}, environment});
        EXPECT_EQ(program.wait_for_change(), 0);
        return program.shown();
    };
    EXPECT_THAT(shown({{"TERM", "xterm"}}), HasSubstr("\x1b[32munlocked\x1b[0m"));
    EXPECT_THAT(shown({{"TERM", "xterm"}, {"NO_COLOR", "1"}}), Not(HasSubstr("\x1b")));
    EXPECT_THAT(shown({{"TERM", "dumb"}}), Not(HasSubstr("\x1b")));
    EXPECT_THAT(shown({}), Not(HasSubstr("\x1b")));
    Environment environment = bus_.environment();
    environment["TERM"] = "xterm";
    EXPECT_THAT(run({ECRYPTFSCTL, {"list-keys"}, environment}).out, Not(HasSubstr("\x1b")));
}

TEST_F(CommonOptions, StatusWatchRunsUntilInterrupted) {
    TerminalProgram program({ECRYPTFSCTL, {"status", "--watch"}, bus_.environment()});
    program.wait_for("0 requests a second");
    program.wait_for("received 120");
    program.wait_for("received 120");
    program.type("\x03");
    const int status = program.wait_for_change();
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
}

TEST(TableOnATerminal, EndsAtItsWidth) {
    cli::style_output({.colours = true, .columns = 12, .rows = 24});
    cli::Table table({"STATE", "LOCATOR"});
    table.add_row({{"locked", cli::Mood::kWaiting}, "schlüssel"});
    table.add_row({{"gone", cli::Mood::kBad}, "k"});
    const auto text = table.text();
    cli::style_output({});
    EXPECT_EQ(text,
              "\x1b[1mSTATE\x1b[0m   \x1b[1mLOC…\x1b[0m\n"
              "\x1b[33mlocked\x1b[0m  sch…\n"
              "\x1b[31mgone\x1b[0m    k\n");
}

TEST(Libraries, OnlyExistingLibrariesAreAllowed) {
    const TemporaryFolder folder;
    const auto library = folder.file("it's a library.so", "");
    const auto list = base::value_or_throw(base::allowed_libraries_path());
    const auto allow = [](const std::string& path) {
        return run(
            {ECRYPTFSCTL, {"list-tokens", "--module-dir", "/none", "--allow-library", path}});
    };
    EXPECT_EQ(allow("/none/a.so").exit_code, exit_code(ErrorCode::kNotFound));
    EXPECT_EQ(allow(folder.path().string()).exit_code, exit_code(ErrorCode::kInvalidArgument));
    EXPECT_FALSE(std::filesystem::exists(list));
    EXPECT_THAT(allow(library).err, HasSubstr("it's a library.so may open your keys from now on"));
    EXPECT_THAT(allow(library).err, Not(HasSubstr("may open")));
    EXPECT_EQ(content_of(list), library + "\n");
    struct stat status{};
    ASSERT_EQ(::stat(list.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST(Libraries, AdviceRepeatsTypedCommand) {
    const auto advised = [](const Arguments& typed) {
        cli::remember_typed_command(typed);
        return cli::add_consent_command({ErrorCode::kAccessDenied, "",
                                         std::string(base::kAllowLibraryAdvice) + "'/a b.so'"})
            .advice;
    };
    EXPECT_EQ(advised({"add-key", "pkcs11:object=a?module-path=/a%20b.so", "--json"}),
              "if you trust it: ecryptfsctl add-key --allow-library '/a b.so' "
              "'pkcs11:object=a?module-path=/a%20b.so' --json");
    EXPECT_EQ(advised({"list-tokens"}),
              "if you trust it: ecryptfsctl list-tokens --allow-library '/a b.so'");
    EXPECT_EQ(cli::add_consent_command({ErrorCode::kAccessDenied, "", "other"}).advice, "other");
}

}  // namespace
}  // namespace ecryptfs::test
