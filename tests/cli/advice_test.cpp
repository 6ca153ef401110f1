// SPDX-License-Identifier: Apache-2.0
//
// Advice that is followed word for word, by a shell: the command that it names runs, and what was
// wrong is right.

#include <keyutils.h>

#include <filesystem>
#include <fstream>

#include "lib/base/shell_word.h"
#include "tests/cli/fake_agent.h"
#include "tests/cli/support.h"
#include "tests/fakes/command.h"
#include "tests/fakes/private_bus.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using ::testing::HasSubstr;

// A folder whose name a shell would take apart.
constexpr char kFolder[] = "it's $(a) b;c";

struct Situation {
    std::string what;
    std::string made_by = {};  // a line of shell, in the folder
    Arguments typed;
    ErrorCode error;
    std::string advice;
    std::string output = {};  // what following the advice prints has this
};

// What is to be typed: behind the last "try: ", or behind a colon in it, up to a semicolon outside
// of quotes.
std::string command_in(const std::string& advice) {
    const auto colon = advice.find(": ");
    auto command = colon == std::string::npos ? advice : advice.substr(colon + 2);
    bool quoted = false;
    for (std::size_t i = 0; i < command.size(); ++i) {
        if (!quoted && command[i] == '\\') {
            ++i;
        } else if (command[i] == '\'') {
            quoted = !quoted;
        } else if (!quoted && command[i] == ';') {
            return command.substr(0, i);
        }
    }
    return command;
}

// The rest of the line behind a text.
std::string behind(const std::string& shown, const std::string& text) {
    const auto begin = shown.find(text) + text.size();
    return shown.substr(begin, shown.find('\n', begin) - begin);
}

std::string advice_in(const std::string& err) {
    return err.find("try: ") == std::string::npos ? "" : behind(err, "try: ");
}

class Advice : public ::testing::Test {
  protected:
    void SetUp() override {
        ASSERT_GT(::keyctl_join_session_keyring(nullptr), 0);
        ASSERT_EQ(::keyctl_clear(KEY_SPEC_USER_KEYRING), 0);
        fs::create_directory(path());
    }

    fs::path path() const { return folder_.path() / kFolder; }

    // By a shell that has ecryptfsctl, in the folder.
    Outcome in_shell(const std::string& line) const {
        auto environment = bus_.environment();
        environment["PATH"] =
            fs::path(ECRYPTFSCTL).parent_path().string() + ":/usr/bin:/bin:/usr/sbin";
        return run({"/bin/sh", {"-c", "cd \"$0\" && " + line, path().string()}, environment});
    }
    Outcome in_shell(const Arguments& typed) const {
        auto environment = bus_.environment();
        Arguments arguments = {"-c", "cd \"$0\" && exec \"$@\"", path().string(), ECRYPTFSCTL};
        arguments.insert(arguments.end(), typed.begin(), typed.end());
        return run({"/bin/sh", arguments, environment});
    }

    void follow(const Situation& situation) const {
        SCOPED_TRACE(situation.what);
        if (!situation.made_by.empty()) {
            ASSERT_EQ(in_shell(situation.made_by).exit_code, 0);
        }
        const auto refused = in_shell(situation.typed);
        EXPECT_EQ(refused.exit_code, exit_code(situation.error)) << refused.err;
        const auto advice = advice_in(refused.err);
        EXPECT_EQ(advice, situation.advice) << refused.err;
        const auto followed = in_shell(command_in(advice));
        EXPECT_EQ(followed.exit_code, 0) << command_in(advice) << ": " << followed.err;
        EXPECT_THAT(followed.out, HasSubstr(situation.output));
    }

    TemporaryFolder folder_;
    PrivateBus bus_;
    FakeAgent agent_{bus_.address(), documented_agent()};
};

TEST_F(Advice, OfASlipOfTheFingersIsWhatWasMeant) {
    const std::vector<Situation> situations = {
        {"nothing", {}, {}, ErrorCode::kInvalidArgument, "ecryptfsctl --help", "Subcommands:"},
        {"a verb",
         {},
         {"lsit-keys", "--json"},
         ErrorCode::kInvalidArgument,
         "ecryptfsctl list-keys --json",
         kSignature},
        {"no verb at all",
         {},
         {"frobnicate"},
         ErrorCode::kInvalidArgument,
         "ecryptfsctl --help",
         "Subcommands:"},
        {"an option",
         {},
         {"lock", kSignature, "--quite"},
         ErrorCode::kInvalidArgument,
         "ecryptfsctl lock fe3467554552491d --quiet"},
        {"an option with a value, beside names that a shell takes apart",
         "echo x >'a b' && echo y >'c;d'",
         {"wrap-passphrase", "new $(file)", "--pasphrase-file=a b", "--wrapping-passphrase-file",
          "c;d"},
         ErrorCode::kInvalidArgument,
         "ecryptfsctl wrap-passphrase 'new $(file)' '--passphrase-file=a b' "
         "--wrapping-passphrase-file 'c;d'"},
        {"no option at all",
         {},
         {"lock", "--frobnicate"},
         ErrorCode::kInvalidArgument,
         "ecryptfsctl lock --help",
         "--json"},
        {"an argument that is missing",
         {},
         {"unlock"},
         ErrorCode::kInvalidArgument,
         "ecryptfsctl unlock --help",
         "SIG"},
        {"one too many",
         {},
         {"list-keys", "all"},
         ErrorCode::kInvalidArgument,
         "ecryptfsctl list-keys --help",
         "--available"},
    };
    for (const auto& situation : situations) {
        follow(situation);
    }
}

TEST_F(Advice, DoesNotRepeatAPin) {
    const auto refused =
        in_shell(Arguments{"add-key", "pkcs11:token=x?pin-value=1234", "--keyrin", "session"});
    EXPECT_EQ(advice_in(refused.err), "ecryptfsctl add-key --help");
    EXPECT_THAT(refused.err, ::testing::Not(HasSubstr("1234")));
}

TEST_F(Advice, OfAKeyThatIsNotThereShowsThoseThatAre) {
    const std::vector<Situation> situations = {
        {"another than the agent has",
         {},
         {"lock", "0000000000000000"},
         ErrorCode::kUnknownKey,
         "see what it has: ecryptfsctl list-keys",
         kSignature},
        {"no signature",
         {},
         {"lock", "key.pem"},
         ErrorCode::kInvalidArgument,
         "see the signatures: ecryptfsctl list-keys",
         kSignature},
        {"to remove",
         {},
         {"remove-key", "0000000000000000"},
         ErrorCode::kUnknownKey,
         "see which there are: ecryptfsctl list-keys",
         kSignature},
    };
    for (const auto& situation : situations) {
        follow(situation);
    }
}

TEST_F(Advice, OfAFolderThatIsMissingMakesIt) {
    const std::vector<Situation> situations = {
        {"the lower one",
         {},
         {"mount", "lo wer", "upper"},
         ErrorCode::kNotFound,
         "make it: mkdir -p 'lo wer'"},
        {"the upper one",
         "test -d 'lo wer'",
         {"mount", "lo wer", "$(up)/per", "--key", kSignature},
         ErrorCode::kNotFound,
         "make it: mkdir -p '$(up)/per'"},
    };
    for (const auto& situation : situations) {
        follow(situation);
    }
    const auto keyless = in_shell(Arguments{"mount", "lo wer", "$(up)/per"});
    EXPECT_EQ(
        command_in(advice_in(keyless.err)),
        "ecryptfsctl inspect " + base::shell_word((fs::canonical(path()) / "lo wer").string()));
}

TEST_F(Advice, InWarningsEndsThem) {
    fs::copy_file(vector_path("wrapped-v1"), path() / "my 'old' file");
    ASSERT_EQ(in_shell("umask 077; echo wrapping-pass >w; chmod 644 my*").exit_code, 0);
    const Arguments unwrap = {"unwrap-passphrase", "my 'old' file", "--wrapping-passphrase-file",
                              "w"};
    const auto exposed = behind(in_shell(unwrap).err, "file: ");
    EXPECT_EQ(exposed, "chmod 600 'my '\\''old'\\'' file'");
    EXPECT_EQ(in_shell(exposed).exit_code, 0);
    const auto warned = in_shell(unwrap).err;
    EXPECT_THAT(warned, ::testing::Not(HasSubstr("others can read")));
    const auto weak = behind(warned, "stronger: ");
    EXPECT_EQ(weak, "ecryptfsctl rewrap-passphrase --upgrade 'my '\\''old'\\'' file'");
    const auto followed = in_shell(weak + " --wrapping-passphrase-file w");
    EXPECT_EQ(followed.exit_code, 0) << followed.err;
    EXPECT_THAT(in_shell(unwrap).err, ::testing::Not(HasSubstr("warning")));
}

TEST_F(Advice, OfAFileThatLooksLikeAUriIsItsPath) {
    ASSERT_EQ(in_shell("echo x >'my:$(key)'").exit_code, 0);
    const auto refused = in_shell(Arguments{"add-key", "my:$(key)"});
    EXPECT_THAT(refused.err, HasSubstr("or for a file of that name write './my:$(key)'\n"));
    const auto followed = in_shell("ecryptfsctl add-key './my:$(key)' --passphrase-file /dev/null");
    EXPECT_THAT(followed.err, ::testing::Not(HasSubstr("no PKI module"))) << followed.err;
}

}  // namespace
}  // namespace ecryptfs::test
