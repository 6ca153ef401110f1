// SPDX-License-Identifier: Apache-2.0
//
// add-passphrase, wrap-passphrase, unwrap-passphrase and rewrap-passphrase: the whole program.

#include <fcntl.h>
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
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

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
    std::string unwrapped(const std::string& file, const std::string& wrapping) const {
        return ctl({"unwrap-passphrase", file, "--wrapping-passphrase-file", "-"}, wrapping).out;
    }
    std::size_t files() const {
        return static_cast<std::size_t>(
            std::distance(std::filesystem::directory_iterator(folder_.path()), {}));
    }

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

TEST_F(PassphraseTest, KeyForNamesIsAddedOnlyWhenAsked) {
    EXPECT_EQ(ctl({"add-passphrase", "--passphrase-file", "-"}, "correct-horse").out,
              std::string(kCorrectHorse) + "\n");
    EXPECT_EQ(token_payload(KEY_SPEC_USER_KEYRING, kCorrectHorseNames), "");
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

TEST_F(PassphraseTest, SaltConcernsOnlyContents) {
    const auto outcome =
        ctl({"add-passphrase", "--fnek", "--salt", "0011223344556678", "--passphrase-file", "-"},
            "correct-horse");
    EXPECT_THAT(outcome.out, AllOf(Not(HasSubstr(kCorrectHorse)), HasSubstr(kCorrectHorseNames)));
    const auto same =
        ctl({"add-passphrase", "--salt", "0011223344556677", "--passphrase-file", "-"},
            "correct-horse");
    EXPECT_EQ(same.out, std::string(kCorrectHorse) + "\n");
}

TEST_F(PassphraseTest, KeyringAndTimeoutAreTaken) {
    const auto outcome = ctl({"add-passphrase", "--keyring", "session", "--timeout", "500",
                              "--json", "--passphrase-file", "-"},
                             "correct-horse");
    const auto printed = Json::parse(outcome.out);
    EXPECT_EQ(printed["keyring"], "session");
    EXPECT_EQ(printed["timeout_seconds"], 500);
    EXPECT_EQ(token_payload(KEY_SPEC_USER_KEYRING, kCorrectHorse), "");
    EXPECT_NE(token_payload(KEY_SPEC_SESSION_KEYRING, kCorrectHorse), "");
}

TEST_F(PassphraseTest, WrappedFileIsAdded) {
    const auto wrapped = ctl({"add-passphrase", "--wrapped", vector_path("wrapped-v2"),
                              "--wrapping-passphrase-file", "-"},
                             "wrapping-pass");
    EXPECT_EQ(wrapped.exit_code, 0) << wrapped.err;
    EXPECT_EQ(wrapped.out,
              ctl({"add-passphrase", "--passphrase-file", "-"}, "mount-passphrase-1").out);
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

struct Refused {
    Arguments arguments;
    std::string input;
    ErrorCode why;
    std::string says;
};

TEST_F(PassphraseTest, BadInputIsRefusedWithReason) {
    const auto v2 = vector_path("wrapped-v2");
    const auto there = folder_.file("there", "mine");
    const auto garbage = folder_.file("garbage", "no wrapped passphrase");
    const auto empty = folder_.file("empty", "");
    const auto endless = folder_.file("endless", content_of(v2) + std::string(9000, 'x'));
    for (const auto& [arguments, input, why, says] : std::vector<Refused>{
             {{"add-passphrase"}, "", ErrorCode::kSecretRequired, "--passphrase-file FILE"},
             {{"add-passphrase", "--passphrase-file", "-"},
              "\n",
              ErrorCode::kInvalidArgument,
              "empty"},
             {{"add-passphrase", "--passphrase-file", "-"},
              std::string(65, 'a'),
              ErrorCode::kInvalidArgument,
              "1 to 64"},
             {{"add-passphrase", "--passphrase-file", path("none")},
              "",
              ErrorCode::kNotFound,
              "none"},
             {{"add-passphrase", "--salt", "12", "--passphrase-file", "-"},
              "a",
              ErrorCode::kInvalidArgument,
              "16 hexadecimal digits"},
             {{"add-passphrase", "--wrapping-passphrase-file", "-"},
              "a",
              ErrorCode::kInvalidArgument,
              "--wrapped"},
             {{"add-passphrase", "--wrapped", v2, "--passphrase-file", "-"},
              "a",
              ErrorCode::kInvalidArgument,
              "--wrapped"},
             {{"add-passphrase", "--wrapped", v2},
              "",
              ErrorCode::kSecretRequired,
              "--wrapping-passphrase-file FILE"},
             {{"add-passphrase", "--wrapped", v2, "--wrapping-passphrase-file", "-"},
              "falsch",
              ErrorCode::kWrongSecret,
              "not the wrapping passphrase"},
             {{"add-passphrase", "--wrapped", path("none")}, "", ErrorCode::kNotFound, "none"},
             {{"unwrap-passphrase", garbage, "--wrapping-passphrase-file", "-"},
              "a",
              ErrorCode::kMalformed,
              "garbage: wrapped passphrase: "},
             {{"unwrap-passphrase", empty, "--wrapping-passphrase-file", "-"},
              "a",
              ErrorCode::kMalformed,
              "(byte 0)"},
             {{"unwrap-passphrase", v2, "--wrapping-passphrase-file", "-"},
              "falsch",
              ErrorCode::kWrongSecret,
              "not the wrapping passphrase"},
             {{"unwrap-passphrase", endless, "--wrapping-passphrase-file", "-"},
              "a",
              ErrorCode::kMalformed,
              "encrypted bytes, where"},
             {{"wrap-passphrase", there, "--passphrase-file", empty, "--wrapping-passphrase-file",
               "-"},
              "a",
              ErrorCode::kInvalidArgument,
              "empty"},
             {{"wrap-passphrase", path("new"), "--passphrase-file", "-",
               "--wrapping-passphrase-file", "-"},
              "a\nb\n",
              ErrorCode::kInvalidArgument,
              "only one of the passphrases"},
             {{"wrap-passphrase", there, "--passphrase-file", garbage, "--wrapping-passphrase-file",
               "-"},
              "a",
              ErrorCode::kAlreadyExists,
              "there already exists"},
             {{"wrap-passphrase", path("no/folder"), "--passphrase-file", garbage,
               "--wrapping-passphrase-file", "-"},
              "a",
              ErrorCode::kNotFound,
              "no/folder"},
             {{"rewrap-passphrase", garbage, "--wrapping-passphrase-file", "-", "--upgrade"},
              "a",
              ErrorCode::kMalformed,
              "garbage"},
             {{"rewrap-passphrase", v2, "--upgrade", "--new-wrapping-passphrase-file", "-"},
              "a",
              ErrorCode::kInvalidArgument,
              "--upgrade"},
             {{"rewrap-passphrase", v2, "--wrapping-passphrase-file", v2},
              "",
              ErrorCode::kWrongSecret,
              "not the wrapping passphrase"},
         }) {
        const auto outcome = ctl(arguments, input);
        EXPECT_EQ(outcome.exit_code, exit_code(why)) << arguments[0] << ": " << outcome.err;
        EXPECT_THAT(outcome.err, HasSubstr(says)) << arguments[0];
        EXPECT_THAT(outcome.out, IsEmpty());
    }
    EXPECT_EQ(content_of(there), "mine");
    EXPECT_EQ(files(), 5U) << "something was left behind";
}

TEST_F(PassphraseTest, WrapMakesPrivateFile) {
    const auto file = path("wrapped");
    const auto outcome = ctl({"wrap-passphrase", file, "--passphrase-file",
                              folder_.file("mount", "geheim\n"), "--wrapping-passphrase-file", "-"},
                             "login\n");
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(outcome.out + outcome.err, IsEmpty());
    struct stat status{};
    ASSERT_EQ(::stat(file.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0600U);
    EXPECT_THAT(content_of(file), AllOf(StartsWith(":\x02"), Not(HasSubstr("geheim"))));
    EXPECT_EQ(unwrapped(file, "login"), "geheim\n");
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

TEST_F(PassphraseTest, RewrapReplacesWrappingPassphrase) {
    const auto file = folder_.file("wrapped", content_of(vector_path("wrapped-v2")));
    const auto outcome =
        ctl({"rewrap-passphrase", file, "--wrapping-passphrase-file",
             folder_.file("old", "wrapping-pass"), "--new-wrapping-passphrase-file", "-"},
            "new one\n");
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(unwrapped(file, "new one"), "mount-passphrase-1\n");
    EXPECT_EQ(unwrapped(file, "wrapping-pass"), "");
    EXPECT_EQ(files(), 3U);
}

TEST_F(PassphraseTest, FailedRewrapChangesNothing) {
    const auto before = content_of(vector_path("wrapped-v2"));
    const auto file = folder_.file("wrapped", before);
    ASSERT_EQ(::chmod(folder_.path().c_str(), 0500), 0);
    const auto outcome =
        ctl({"rewrap-passphrase", file, "--wrapping-passphrase-file", "-", "--upgrade"},
            "wrapping-pass");
    ASSERT_EQ(::chmod(folder_.path().c_str(), 0700), 0);
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kAccessDenied)) << outcome.err;
    EXPECT_EQ(content_of(file), before);
}

TEST_F(PassphraseTest, RewrapFollowsLink) {
    const auto file = folder_.file("wrapped", content_of(vector_path("wrapped-v2")));
    std::filesystem::create_symlink(file, path("link"));
    EXPECT_EQ(
        ctl({"rewrap-passphrase", path("link"), "--wrapping-passphrase-file", "-", "--upgrade"},
            "wrapping-pass")
            .exit_code,
        0);
    EXPECT_TRUE(std::filesystem::is_symlink(path("link")));
    EXPECT_NE(content_of(file), content_of(vector_path("wrapped-v2")));
}

TEST_F(PassphraseTest, WeakerFileIsUpgradedOnlyWhenTold) {
    const auto before = content_of(vector_path("wrapped-v1"));
    const auto file = folder_.file("wrapped", before);
    const auto looked =
        ctl({"unwrap-passphrase", file, "--wrapping-passphrase-file", "-"}, "wrapping-pass");
    EXPECT_EQ(looked.out, "mount-passphrase-1\n");
    EXPECT_THAT(looked.err, AllOf(StartsWith("warning: "), HasSubstr("--upgrade")));
    EXPECT_EQ(content_of(file), before);

    EXPECT_EQ(ctl({"rewrap-passphrase", "--upgrade", file, "--wrapping-passphrase-file", "-"},
                  "wrapping-pass")
                  .exit_code,
              0);
    EXPECT_THAT(content_of(file), StartsWith(":\x02"));
    const auto again =
        ctl({"unwrap-passphrase", file, "--wrapping-passphrase-file", "-"}, "wrapping-pass");
    EXPECT_EQ(again.out, "mount-passphrase-1\n");
    EXPECT_EQ(again.err, "");
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
