// SPDX-License-Identifier: Apache-2.0
//
// Questions on a terminal, as a person sees them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>

#include "tests/cli/fake_agent.h"
#include "tests/cli/terminal_program.h"
#include "tests/fakes/build_under_test.h"
#include "tests/fakes/private_bus.h"
#include "tests/support/signatures.h"
#include "tests/support/temporary_folder.h"

namespace ecryptfs::test {
namespace {

using base::ErrorCode;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kQuestion[] = "Passphrase for /home/ada/.ecryptfs/key.pem: ";

class Prompt : public ::testing::Test {
  protected:
    static FakeAgentScript agent_with_secret() {
        auto script = documented_agent();
        script.secret = "geheim";
        return script;
    }

    std::unique_ptr<TerminalProgram> unlock() const {
        return std::make_unique<TerminalProgram>(
            Command{ECRYPTFSCTL, {"unlock", kSignature}, bus_.environment()});
    }

    PrivateBus bus_;
    FakeAgent agent_{bus_.address(), agent_with_secret()};
};

TEST_F(Prompt, TypedSecretIsNotShown) {
    const auto program = unlock();
    program->wait_for(kQuestion);
    EXPECT_FALSE(program->echoes());
    program->type("geheim\n");
    const int status = program->wait_for_change();
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << program->shown();
    EXPECT_TRUE(program->echoes());
    EXPECT_EQ(program->shown(), std::string(kQuestion) + "\r\n");
    EXPECT_THAT(agent_.calls(), ::testing::ElementsAre("Unlock fe3467554552491d ",
                                                       "Unlock fe3467554552491d geheim"));
}

TEST_F(Prompt, AsksOnce) {
    const auto program = unlock();
    program->wait_for(kQuestion);
    program->type("falsch\n");
    const int status = program->wait_for_change();
    EXPECT_EQ(WEXITSTATUS(status), base::traits(ErrorCode::kWrongSecret).status);
    EXPECT_EQ(agent_.calls().size(), 2U);
}

TEST_F(Prompt, InterruptRestoresEcho) {
    const auto program = unlock();
    program->wait_for(kQuestion);
    program->type("gehei\x03");
    const int status = program->wait_for_change();
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 130);
    EXPECT_TRUE(program->echoes());
    EXPECT_THAT(program->shown(), Not(HasSubstr("gehei\x03")));
    EXPECT_EQ(agent_.calls().size(), 1U);
}

TEST_F(Prompt, SignalsRestoreEcho) {
    for (const int signal : {SIGTERM, SIGHUP, SIGQUIT}) {
        const auto program = unlock();
        program->wait_for(kQuestion);
        program->send_signal(signal);
        const int status = program->wait_for_change();
        EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == signal);
        EXPECT_TRUE(program->echoes());
    }
}

TEST_F(Prompt, StopRestoresEchoAndResumeAsksAgain) {
    const auto program = unlock();
    program->wait_for(kQuestion);
    program->type("\x1a");
    EXPECT_TRUE(WIFSTOPPED(program->wait_for_change()));
    EXPECT_TRUE(program->echoes());
    program->send_signal(SIGCONT);
    program->wait_for(kQuestion);
    EXPECT_FALSE(program->echoes());
    program->type("geheim\n");
    const int status = program->wait_for_change();
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << program->shown();
    EXPECT_EQ(program->shown(), std::string(kQuestion) + "\r\n" + kQuestion + "\r\n");
    EXPECT_TRUE(program->echoes());
}

TEST_F(Prompt, EndOfInputCancels) {
    const auto program = unlock();
    program->wait_for(kQuestion);
    program->type("\x04");
    EXPECT_EQ(WEXITSTATUS(program->wait_for_change()), 130);
    EXPECT_TRUE(program->echoes());
}

TEST_F(Prompt, EmptyLineIsNoAnswer) {
    const auto program = unlock();
    program->wait_for(kQuestion);
    program->type("\n");
    EXPECT_EQ(WEXITSTATUS(program->wait_for_change()),
              base::traits(ErrorCode::kSecretRequired).status);
    EXPECT_EQ(agent_.calls().size(), 1U);
}

TEST_F(Prompt, TokenAsksForPinWithEscapedName) {
    auto script = agent_with_secret();
    script.keys.at(kSignature)["Module"] = std::string("pkcs11");
    script.keys.at(kSignature)["Locator"] = std::string("pkcs11:token=a\x1b]0;b");
    const PrivateBus bus;
    const FakeAgent agent(bus.address(), std::move(script));
    TerminalProgram program({ECRYPTFSCTL, {"unlock", kSignature}, bus.environment()});
    program.wait_for("PIN for pkcs11:token=a\\x1b]0;b: ");
    program.type("\x03");
    program.wait_for_change();
}

TEST_F(Prompt, TerminalAsPassphraseFileDoesNotEcho) {
    TerminalProgram program(
        {ECRYPTFSCTL, {"unlock", kSignature, "--passphrase-file", "-"}, bus_.environment()});
    program.wait_for(kQuestion);
    EXPECT_FALSE(program.echoes());
    program.type("geheim\n");
    EXPECT_EQ(program.wait_for_change(), 0);
}

// A key's new secret is asked for twice: a slip of the finger would lose the key.
class NewSecret : public ::testing::Test {
  protected:
    std::unique_ptr<TerminalProgram> generate() const {
        return std::make_unique<TerminalProgram>(
            Command{ECRYPTFSCTL,
                    {"generate-key", "openssl", path_, "--bits", "2048", "--module-dir",
                     built("modules"), "--pki-host", host_program()}});
    }

    TemporaryFolder folder_;
    std::string path_ = (folder_.path() / "key.pem").string();
};

TEST_F(NewSecret, IsAskedForTwice) {
    const auto program = generate();
    program->wait_for("Passphrase for " + path_ + ": ");
    EXPECT_FALSE(program->echoes());
    program->type("geheim\n");
    program->wait_for("Once more: ");
    EXPECT_FALSE(program->echoes());
    program->type("geheim\n");
    EXPECT_EQ(program->wait_for_change(), 0) << program->shown();
    EXPECT_THAT(program->shown(), ::testing::HasSubstr("file://" + path_));
    EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(NewSecret, MismatchMakesNoKey) {
    const auto program = generate();
    program->wait_for("Passphrase for " + path_ + ": ");
    program->type("geheim\n");
    program->wait_for("Once more: ");
    program->type("geheiw\n");
    const int status = program->wait_for_change();
    EXPECT_EQ(WEXITSTATUS(status), base::traits(ErrorCode::kInvalidArgument).status);
    EXPECT_THAT(program->shown(), ::testing::HasSubstr("do not match"));
    EXPECT_FALSE(std::filesystem::exists(path_));
}

}  // namespace
}  // namespace ecryptfs::test
