// SPDX-License-Identifier: Apache-2.0
//
// The advice of the verbs for folder keys: the error is made, and the advice followed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <filesystem>

#include "cli/folder_key/file_store.h"
#include "lib/folderkey/folder_key.h"
#include "tests/cli/terminal_program.h"
#include "tests/fakes/build_under_test.h"
#include "tests/support/command.h"
#include "tests/support/exit_code.h"
#include "tests/support/files.h"
#include "tests/support/matchers.h"
#include "tests/support/temporary_folder.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using ::testing::HasSubstr;

struct Row {
    std::string made_by;
    std::string typed;
    ErrorCode error;
    std::string advice;
    std::string followed;
};

class FolderKeyAdvice : public ::testing::Test {
  protected:
    Outcome in_shell(const std::string& line) const {
        const auto path = fs::path(ECRYPTFSCTL).parent_path().string() + ":/usr/bin:/bin";
        return run(
            {"/bin/sh",
             {"-c", "cd \"$0\" && " + line, folder_.path().string()},
             {{"PATH", path},
              {"HOME", folder_.path().string()},
              {"MODULES", "--module-dir " + built("modules") + " --pki-host " + host_program()}}});
    }
    std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

    TemporaryFolder folder_;
};

TEST_F(FolderKeyAdvice, WorksWordForWord) {
    const std::vector<Row> rows = {
        {"true", "ecryptfsctl create-folder-key k.jwe", ErrorCode::kInvalidArgument,
         "for a recovery key: --recovery; for a passphrase: --passphrase-file FILE",
         "echo geheim >p && ecryptfsctl create-folder-key k.jwe --passphrase-file p"},
        {"true", "ecryptfsctl add-recipient k.jwe", ErrorCode::kInvalidArgument,
         "for a recovery key: --recovery; for a passphrase: --new-passphrase-file FILE",
         "ecryptfsctl add-recipient k.jwe --passphrase-file p --new-passphrase-file p"},
        {"true", "ecryptfsctl create-folder-key n.jwe --recovery-file r --one-key",
         ErrorCode::kInvalidArgument, "leave them out, or give --import-passphrase",
         "ecryptfsctl create-folder-key n.jwe --recovery-file r"},
        {"true", "ecryptfsctl create-folder-key n.jwe --recovery-file r2",
         ErrorCode::kAlreadyExists, "choose another name; nothing is overwritten",
         "ecryptfsctl create-folder-key n2.jwe --recovery-file r2"},
        {"true", "ecryptfsctl create-folder-key o.jwe --recovery", ErrorCode::kSecretRequired,
         "have it written to a file: --recovery-file NEW-FILE",
         "ecryptfsctl create-folder-key o.jwe --recovery-file r3"},
        {"true", "ecryptfsctl list-recipients p", ErrorCode::kMalformed,
         "name a file that create-folder-key wrote", "ecryptfsctl list-recipients k.jwe"},
        {"true", "ecryptfsctl test-recipient k.jwe nobody --passphrase-file p",
         ErrorCode::kNotFound, "see what it has, with list-recipients",
         "ecryptfsctl list-recipients k.jwe"},
        {"true", "echo wrong | ecryptfsctl test-recipient k.jwe --passphrase-file -",
         ErrorCode::kWrongSecret, "type it again",
         "ecryptfsctl test-recipient k.jwe --passphrase-file p"},
        {"true", "ecryptfsctl remove-recipient n.jwe recovery", ErrorCode::kInvalidArgument,
         "add another one first, with add-recipient",
         "ecryptfsctl add-recipient n.jwe --passphrase-file r --recovery-file r4 && "
         "ecryptfsctl remove-recipient n.jwe recovery"},
        {"true", "ecryptfsctl change-passphrase n2.jwe --passphrase-file r2", ErrorCode::kNotFound,
         "add one: ecryptfsctl add-recipient FILE --new-passphrase",
         "ecryptfsctl add-recipient n2.jwe --passphrase-file r2 --new-passphrase-file p"},
        {"openssl genrsa -out a.pem 2048 2>&1 && openssl genrsa -out b.pem 2048 2>&1 && "
         "ecryptfsctl add-recipient k.jwe --passphrase-file p --recipient a.pem $MODULES",
         "ecryptfsctl add-recipient k.jwe --recipient a.pem $MODULES", ErrorCode::kAlreadyExists,
         "choose another key", "ecryptfsctl add-recipient k.jwe --recipient b.pem $MODULES"},
    };
    for (const auto& row : rows) {
        SCOPED_TRACE(row.typed);
        const auto made = in_shell(row.made_by);
        ASSERT_EQ(made.exit_code, 0) << made.err;
        const auto refused = in_shell(row.typed);
        EXPECT_EQ(refused.exit_code, exit_code(row.error)) << refused.err;
        EXPECT_THAT(refused.err, HasSubstr("try: " + row.advice + "\n"));
        const auto followed = in_shell(row.followed);
        EXPECT_EQ(followed.exit_code, 0) << followed.err;
    }
}

TEST_F(FolderKeyAdvice, MistypedRecoveryKeyCanBeTriedAgain) {
    const Command command = {
        ECRYPTFSCTL, {"create-folder-key", path("k.jwe"), "--recovery"}, {{"HOME", "/"}}};
    TerminalProgram first(command);
    first.wait_for("written down: ");
    first.type("cbde\n");
    first.wait_for("try: try again; there will be another recovery key");
    TerminalProgram second(command);
    const auto shown = second.wait_for("written down: ");
    const auto line = shown.find("\n    ") + 5;
    second.type(shown.substr(line, shown.find('\r', line) - line) + "\n");
    const int status = second.wait_for_change();
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << second.shown();
}

TEST_F(FolderKeyAdvice, DamagedFileComesFromBackup) {
    ASSERT_EQ(in_shell("ecryptfsctl create-folder-key k.jwe --recovery-file r && cp k.jwe backup")
                  .exit_code,
              0);
    ASSERT_EQ(in_shell("ecryptfsctl create-folder-key o.jwe --recovery-file r2").exit_code, 0);
    const auto other = cli::read_folder_key_file(path("o.jwe")).value();
    auto file = cli::read_folder_key_file(path("k.jwe")).value();
    file.ciphertext = other.ciphertext;
    fs::remove(path("k.jwe"));
    ASSERT_THAT(cli::create_folder_key_file(path("k.jwe"), file), Succeeds());
    const auto refused = in_shell("ecryptfsctl test-recipient k.jwe --passphrase-file r");
    EXPECT_EQ(refused.exit_code, exit_code(ErrorCode::kDecryptFailed));
    EXPECT_THAT(refused.err, HasSubstr("try: take it from a backup"));
    EXPECT_EQ(in_shell("cp backup k.jwe && ecryptfsctl test-recipient k.jwe --passphrase-file r")
                  .exit_code,
              0);
}

TEST_F(FolderKeyAdvice, ExchangedFileIsNotOverwritten) {
    ASSERT_EQ(in_shell("ecryptfsctl create-folder-key k.jwe --recovery-file r").exit_code, 0);
    ASSERT_EQ(in_shell("ecryptfsctl create-folder-key o.jwe --recovery-file r2").exit_code, 0);
    const auto file = cli::read_folder_key_file(path("k.jwe")).value();
    const auto other = cli::read_folder_key_file(path("o.jwe")).value();
    EXPECT_THAT(cli::check_same_content(other, file),
                FailsWith(ErrorCode::kBusy, "run this again"));
    EXPECT_THAT(cli::check_same_content(file, file), Succeeds());
}

// Of a locator that a module gave.
TEST_F(FolderKeyAdvice, LocatorOfOtherBytesIsRefused) {
    auto sealed = folderkey::seal_folder_key(folderkey::create_folder_key().value()).value();
    folderkey::Recipient recipient;
    recipient.kid = "k";
    recipient.locator = "file:///\xff";
    recipient.salt.resize(8);
    recipient.iterations = folderkey::kFewestIterations;
    recipient.encrypted_key.resize(40);
    sealed.file.recipients.push_back(recipient);
    EXPECT_THAT(folderkey::encode_folder_key_file(sealed.file),
                FailsWith(ErrorCode::kInvalidArgument, "rename the key's file or token"));
    sealed.file.recipients[0].locator = "file:///%FF";
    EXPECT_THAT(folderkey::encode_folder_key_file(sealed.file), Succeeds());
}

}  // namespace
}  // namespace ecryptfs::test
