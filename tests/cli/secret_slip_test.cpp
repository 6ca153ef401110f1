// SPDX-License-Identifier: Apache-2.0
//
// Secrets that are not what somebody meant, in files from other systems and typed by mistake: the
// whole program.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "tests/cli/fake_agent.h"
#include "tests/cli/terminal_program.h"
#include "tests/fakes/private_bus.h"
#include "tests/support/command.h"
#include "tests/support/exit_code.h"
#include "tests/support/files.h"
#include "tests/support/keyrings.h"
#include "tests/support/signatures.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/vectors.h"

namespace ecryptfs::test {
namespace {

using namespace std::string_literals;
using base::ErrorCode;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kSignatureOfCorrectHorse[] = "9d59cdc2eaf8d95e";
constexpr char kPkcs11Uri[] = "pkcs11:token=T;object=k";

// What stands between two texts.
std::string between(const std::string& text, const std::string& from, const std::string& to) {
    const auto start = text.find(from) + from.size();
    return text.substr(start, text.find(to, start) - start);
}

class SecretSlipTest : public ::testing::Test {
  protected:
    void SetUp() override { make_login_keyrings(); }

    Outcome ctl(const Arguments& arguments, const std::string& input = "") const {
        auto environment = bus_.environment();
        environment["HOME"] = folder_.path().string();
        return run({ECRYPTFSCTL, arguments, environment}, input);
    }
    Outcome add_passphrase(const std::string& file) const {
        return ctl({"add-passphrase", "--passphrase-file", file});
    }
    // What the advice says, done word for word; gives the new file's name.
    static std::string mend(const std::string& err) {
        const auto command = "(umask 077; " + between(err, "(umask 077; ", ")") + ")";
        const auto done = run({"/bin/sh", {"-c", command}, {{"PATH", "/usr/bin:/bin"}}});
        EXPECT_EQ(done.exit_code, 0) << command << ": " << done.err;
        return between(err, "and give ", "\n");
    }
    std::string file(const std::string& content) const { return folder_.file("a file", content); }

    TemporaryFolder folder_;
    PrivateBus bus_;
};

TEST_F(SecretSlipTest, ImpossibleSecretIsRefusedAndMended) {
    for (const auto& content : {"\xff\xfe"
                                "c\0o\0r\0r\0e\0c\0t\0-\0h\0o\0r\0s\0e\0\r\0\n\0"s,
                                "\xfe\xff\0c\0o\0r\0r\0e\0c\0t\0-\0h\0o\0r\0s\0e\0\n"s,
                                "c\0o\0r\0r\0e\0c\0t\0-\0h\0o\0r\0s\0e\0\n\0"s,
                                "correct-horse\0\n"s, "correct-horse\0"s}) {
        const auto refused = add_passphrase(file(content));
        EXPECT_EQ(refused.exit_code, exit_code(ErrorCode::kInvalidArgument)) << refused.err;
        EXPECT_THAT(refused.out, IsEmpty());
        const auto mended = add_passphrase(folder_.path() / "a file.new");
        EXPECT_NE(mended.exit_code, 0) << "it is not there yet";
        mend(refused.err);
        EXPECT_EQ(add_passphrase(folder_.path() / "a file.new").out,
                  kSignatureOfCorrectHorse + "\n"s);
        std::filesystem::remove(folder_.path() / "a file.new");
    }
}

TEST_F(SecretSlipTest, DoubtfulSecretIsWarnedOfAndMended) {
    for (const auto& content : {"\xef\xbb\xbf"
                                "correct-horse\n"s,
                                "passphrase_passwd=correct-horse\n"s, "passwd=correct-horse\n"s,
                                "openssl_passwd=correct-horse\n"s, "correct-horse \n"s,
                                "\tcorrect-horse\r\n"s, "correct-horse\rmore\r"s}) {
        const auto warned = add_passphrase(file(content));
        EXPECT_EQ(warned.exit_code, 0) << warned.err;
        EXPECT_THAT(warned.err,
                    AllOf(StartsWith("warning: the secret in "), Not(HasSubstr("horse"))));
        EXPECT_NE(warned.out, kSignatureOfCorrectHorse + "\n"s) << "it is used as it is";
        mend(warned.err);
        EXPECT_EQ(add_passphrase(folder_.path() / "a file.new").out,
                  kSignatureOfCorrectHorse + "\n"s)
            << content;
        std::filesystem::remove(folder_.path() / "a file.new");
    }
}

TEST_F(SecretSlipTest, EachVerbRefusesSlips) {
    const auto nul = file("secret\0\n"s);
    const auto fine = folder_.file("fine", "wrapping-pass\n");
    const auto wrapped = vector_path("wrapped-v2");
    const auto key = (folder_.path() / "none.pem").string();
    for (const Arguments& verb : std::vector<Arguments>{
             {"add-passphrase", "--passphrase-file", nul},
             {"add-passphrase", "--wrapped", wrapped, "--wrapping-passphrase-file", nul},
             {"wrap-passphrase", folder_.path() / "new", "--passphrase-file", nul,
              "--wrapping-passphrase-file", fine},
             {"wrap-passphrase", folder_.path() / "new", "--passphrase-file", fine,
              "--wrapping-passphrase-file", nul},
             {"unwrap-passphrase", wrapped, "--wrapping-passphrase-file", nul},
             {"rewrap-passphrase", wrapped, "--wrapping-passphrase-file", fine,
              "--new-wrapping-passphrase-file", nul},
             {"decrypt", folder_.path(), "--output", folder_.path() / "out", "--passphrase-file",
              nul},
             {"generate-key", "openssl", key, "--passphrase-file", nul}}) {
        const auto outcome = ctl(verb);
        EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kInvalidArgument)) << verb.front();
        EXPECT_THAT(outcome.err, HasSubstr("holds a NUL byte")) << verb.front();
    }
}

TEST_F(SecretSlipTest, StandardInputIsMendedByFilter) {
    const auto outcome = ctl({"add-passphrase", "--passphrase-file", "-"}, "c\0o\0r\0r\0\n\0"s);
    EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kInvalidArgument));
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("the secret in standard input is in UTF-16"),
                                   HasSubstr("try: pass it through: iconv -f UTF-16LE -t UTF-8")));
}

TEST_F(SecretSlipTest, SlipInPinNeverReachesAgent) {
    auto script = documented_agent();
    script.secret = "1234";
    const FakeAgent agent(bus_.address(), std::move(script));
    for (const auto& content : {"1234\0\n"s, "1\0002\0003\0004\0\n\0"s,
                                "\xef\xbb\xbf"
                                "1234\n"s,
                                "passwd=1234\n"s, "1234 \n"s, "1234\rx\n"s}) {
        const auto outcome = ctl({"add-key", kPkcs11Uri, "--passphrase-file", file(content)});
        EXPECT_EQ(outcome.exit_code, exit_code(ErrorCode::kInvalidArgument)) << outcome.err;
    }
    EXPECT_THAT(agent.calls(), IsEmpty());
    EXPECT_EQ(ctl({"add-key", kPkcs11Uri, "--passphrase-file", file("1234\r\n")}).exit_code, 0);
}

TEST_F(SecretSlipTest, TypedControlCharactersAreRefused) {
    auto script = documented_agent();
    script.secret = "geheim";
    const FakeAgent agent(bus_.address(), std::move(script));
    for (const auto& typed : {"ge\x1b[Aheim\n"s, "geheim\t\n"s}) {
        TerminalProgram program({ECRYPTFSCTL, {"unlock", kSignature}, bus_.environment()});
        program.wait_for("key.pem: ");
        program.type(typed);
        const int status = program.wait_for_change();
        EXPECT_EQ(WEXITSTATUS(status), exit_code(ErrorCode::kInvalidArgument)) << program.shown();
        EXPECT_THAT(program.shown(), HasSubstr("control character"));
    }
    for (const auto& call : agent.calls()) {
        EXPECT_THAT(call, Not(HasSubstr("heim")));
    }
}

TEST_F(SecretSlipTest, FurtherLinesAreWarnedOf) {
    const auto outcome = add_passphrase(file("correct-horse\n\nhunter2\n"));
    EXPECT_EQ(outcome.out, kSignatureOfCorrectHorse + "\n"s);
    EXPECT_EQ(outcome.err, "warning: only the first line of " +
                               (folder_.path() / "a file").string() + " is used\n");
    EXPECT_EQ(add_passphrase(file("correct-horse\n\n \n")).err, "");
}

TEST_F(SecretSlipTest, ReadableWrappedFileIsWarnedOf) {
    const auto wrapped = folder_.file("wrapped", content_of(vector_path("wrapped-v2")));
    const auto wrapping = folder_.file("wrapping", "wrapping-pass\n");
    const auto add = [&] {
        return ctl({"add-passphrase", "--wrapped", wrapped, "--wrapping-passphrase-file", wrapping})
            .err;
    };
    EXPECT_EQ(add(), "");
    std::filesystem::permissions(wrapped, std::filesystem::perms::others_read,
                                 std::filesystem::perm_options::add);
    EXPECT_EQ(add(), "warning: others can read " + wrapped + ": chmod 600 " + wrapped + "\n");
}

}  // namespace
}  // namespace ecryptfs::test
