// SPDX-License-Identifier: Apache-2.0
//
// add-passphrase, wrap-passphrase, unwrap-passphrase and rewrap-passphrase: the whole program.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <keyutils.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "cli/files/wrapped_file.h"
#include "lib/base/file_io.h"
#include "tests/cli/terminal_program.h"
#include "tests/support/command.h"
#include "tests/support/documented_json.h"
#include "tests/support/exit_code.h"
#include "tests/support/files.h"
#include "tests/support/keyrings.h"
#include "tests/support/matchers.h"
#include "tests/support/signatures.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/vectors.h"

namespace ecryptfs::test {
namespace {

using base::ErrorCode;
using Json = nlohmann::ordered_json;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kCorrectHorse[] = "9d59cdc2eaf8d95e";
constexpr char kCorrectHorseNames[] = "e80b89d3427db0d3";

// What a keyring has under a signature; empty if nothing.
std::string token_payload(key_serial_t keyring, const char* of_signature) {
    std::array<char, 4096> payload{};
    const long token = ::keyctl_search(keyring, "user", of_signature, 0);
    const long size =
        token < 0 ? 0
                  : ::keyctl_read(static_cast<key_serial_t>(token), payload.data(), payload.size());
    return {payload.data(), static_cast<std::size_t>(std::max(size, 0L))};
}

class PassphraseTest : public ::testing::Test {
  protected:
    void SetUp() override {
        make_login_keyrings();
        std::filesystem::create_directory(folder_.path() / ".ecryptfs");
    }

    Command command(const Arguments& arguments) const {
        return {ECRYPTFSCTL, arguments, {{"HOME", folder_.path().string()}}};
    }
    Outcome ctl(const Arguments& arguments, const std::string& input = "") const {
        return run(command(arguments), input);
    }
    std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

    TemporaryFolder folder_;
};

TEST_F(PassphraseTest, AddEqualsEcryptfsAddPassphrase) {
    const auto outcome =
        ctl({"add-passphrase", "--fnek", "--passphrase-file", "-"}, "correct-horse\n");
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.out, std::string(kCorrectHorse) + "\n" + kCorrectHorseNames + "\n");
    EXPECT_EQ(outcome.err, "");
    for (const char* each : {kCorrectHorse, kCorrectHorseNames}) {
        EXPECT_EQ(token_payload(KEY_SPEC_USER_KEYRING, each),
                  content_of(vector_path(std::string("addpass.authtok.") + each)));
    }
}

TEST_F(PassphraseTest, AddPrintsTheDocumentedJson) {
    auto printed = Json::parse(
        ctl({"add-passphrase", "--fnek", "--json", "--passphrase-file", "-"}, "correct-horse").out);
    const auto expected = documented_json("add-passphrase");
    for (const char* serial : {"serial", "fnek_serial"}) {
        EXPECT_GT(printed[serial], 0);
        printed[serial] = expected[serial];
    }
    EXPECT_EQ(printed, expected);
}

// As of `--wrapped <(gpg --decrypt FILE)`.
TEST_F(PassphraseTest, PipeMayComeInPieces) {
    const auto wrapped = content_of(vector_path("wrapped-v2"));
    const auto wrapping = folder_.file("wrapping", "wrapping-pass");
    for (const auto& verb :
         std::vector<Arguments>{{"add-passphrase", "--wrapped"}, {"unwrap-passphrase"}}) {
        auto arguments = verb;
        arguments.insert(arguments.end(), {"/dev/fd/3", "--wrapping-passphrase-file", wrapping});
        Pipe pipe;
        Process program(command(arguments), {{3, pipe.reader.get()}});
        ASSERT_EQ(::write(pipe.writer.get(), wrapped.data(), 9), 9);
        wait_until("that was read", [&] {
            int left = 0;
            return ::ioctl(pipe.reader.get(), FIONREAD, &left) == 0 && left == 0;
        });
        ASSERT_TRUE(base::write_all(pipe.writer.get(), base::as_bytes(wrapped).subspan(9)));
        pipe.writer.reset();
        EXPECT_EQ(program.wait(), 0) << verb.front();
    }
}

TEST_F(PassphraseTest, WrapPrintsTheDocumentedJson) {
    auto printed = Json::parse(ctl({"wrap-passphrase", path("w"), "--json", "--passphrase-file",
                                    folder_.file("m", "geheim"), "--wrapping-passphrase-file", "-"},
                                   "login")
                                   .out);
    EXPECT_EQ(printed["file"], path("w"));
    auto expected = documented_json("wrap-passphrase");
    expected["file"] = path("w");
    EXPECT_EQ(printed, expected);
}

TEST_F(PassphraseTest, UnwrapWarnsOnTerminal) {
    TerminalProgram program(command({"unwrap-passphrase", vector_path("wrapped-v2")}));
    program.wait_for("Wrapping passphrase: ");
    program.type("wrapping-pass\n");
    program.wait_for_change();
    EXPECT_THAT(program.shown(),
                AllOf(HasSubstr("warning: "), HasSubstr("mount-passphrase-1\r\n")));
}

TEST_F(PassphraseTest, OnlyNewPassphraseIsTypedTwice) {
    for (const bool known : {false, true}) {
        TerminalProgram program(command({"add-passphrase"}));
        program.wait_for("Mount passphrase: ");
        program.type("correct-horse\n");
        if (!known) {
            program.wait_for("Once more: ");
            program.type("correct-horse\n");
        }
        const int status = program.wait_for_change();
        EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << program.shown();
        EXPECT_THAT(program.shown(), HasSubstr(kCorrectHorse));
    }
}

TEST_F(PassphraseTest, EcryptfsUtilsCacheMakesPassphraseKnown) {
    folder_.file(".ecryptfs/sig-cache.txt", std::string(kSignature) + "\n" + kCorrectHorse + "\n");
    TerminalProgram program(command({"add-passphrase"}));
    program.wait_for("Mount passphrase: ");
    program.type("correct-horse\n");
    const int status = program.wait_for_change();
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << program.shown();
}

TEST_F(PassphraseTest, MistypedPassphraseIsNotAdded) {
    TerminalProgram program(command({"add-passphrase"}));
    program.wait_for("Mount passphrase: ");
    program.type("correct-horse\n");
    program.wait_for("Once more: ");
    program.type("correct-house\n");
    const int status = program.wait_for_change();
    EXPECT_EQ(WEXITSTATUS(status), exit_code(ErrorCode::kInvalidArgument)) << program.shown();
    EXPECT_EQ(token_payload(KEY_SPEC_USER_KEYRING, kCorrectHorse), "");
}

// decrypt looks for such files by itself, as root too, where somebody else may put a pipe in the
// place of one at any moment.
TEST_F(PassphraseTest, FoundPipeIsNotRead) {
    const auto fifo = path("fifo");
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    const base::UniqueFd writer(::open(fifo.c_str(), O_RDWR | O_CLOEXEC));  // that writes nothing
    EXPECT_THAT(cli::read_found_wrapped_file(fifo),
                FailsWith(ErrorCode::kMalformed, "is not a regular file"));
    EXPECT_THAT(cli::read_found_wrapped_file(path("none")), FailsWith(ErrorCode::kNotFound, ""));
    EXPECT_EQ(ctl({"wrap-passphrase", path("wrapped"), "--passphrase-file",
                   folder_.file("p", "mount"), "--wrapping-passphrase-file", "-"},
                  "login")
                  .exit_code,
              0);
    EXPECT_THAT(cli::read_found_wrapped_file(path("wrapped")), Succeeds());
}

}  // namespace
}  // namespace ecryptfs::test
