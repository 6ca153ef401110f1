// SPDX-License-Identifier: Apache-2.0

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

#include "cli/ask/secret_file.h"
#include "cli/ask/terminal_prompt.h"
#include "lib/base/handle.h"
#include "lib/base/sealed_memfd.h"
#include "tests/support/matchers.h"
#include "tests/support/temporary_folder.h"

namespace ecryptfs::test {
namespace {

using base::ErrorCode;
namespace fs = std::filesystem;

std::string secret_of(const base::Result<cli::FileSecret>& read) {
    EXPECT_THAT(read, Succeeds());
    return read ? std::string(base::as_text(read->secret.view())) : "";
}

TEST(PassphraseFile, FirstLineIsRead) {
    const TemporaryFolder folder;
    EXPECT_EQ(secret_of(cli::read_secret_file(folder.file("a", "geheim\nmore\n"))), "geheim");
    EXPECT_EQ(secret_of(cli::read_secret_file(folder.file("b", "geheim\r\nmore\r\n"))), "geheim");
    EXPECT_EQ(secret_of(cli::read_secret_file(folder.file("c", "geheim"))), "geheim");
}

TEST(PassphraseFile, OtherBytesAreKept) {
    const TemporaryFolder folder;
    EXPECT_EQ(secret_of(cli::read_secret_file(folder.file("a", " g\rh \t\xff\r"))),
              " g\rh \t\xff\r");
    EXPECT_EQ(secret_of(cli::read_secret_file(folder.file("b", std::string("a\0b\n", 4)))),
              std::string("a\0b", 3));
}

TEST(PassphraseFile, MayBeEmpty) {
    const TemporaryFolder folder;
    EXPECT_EQ(secret_of(cli::read_secret_file(folder.file("a", ""))), "");
    EXPECT_EQ(secret_of(cli::read_secret_file(folder.file("b", "\n"))), "");
    EXPECT_EQ(secret_of(cli::read_secret_file(folder.file("c", "\r\n"))), "");
}

TEST(PassphraseFile, LengthIsLimited) {
    const TemporaryFolder folder;
    const std::string longest(base::kMaxSecretSize, 'x');
    EXPECT_EQ(secret_of(cli::read_secret_file(folder.file("a", longest + "\r\n"))), longest);
    EXPECT_EQ(secret_of(cli::read_secret_file(folder.file("b", longest))), longest);
    EXPECT_THAT(cli::read_secret_file(folder.file("c", longest + "x")),
                FailsWith(ErrorCode::kInvalidArgument, "4096"));
    EXPECT_THAT(cli::read_secret_file(folder.file("d", longest + longest)),
                FailsWith(ErrorCode::kInvalidArgument, "4096"));
}

TEST(PassphraseFile, ReportsReadableFile) {
    const TemporaryFolder folder;
    const auto path = folder.file("a", "geheim\n");
    EXPECT_FALSE(cli::read_secret_file(path)->exposure);
    for (const auto who : {fs::perms::group_read, fs::perms::others_read}) {
        fs::permissions(path, fs::perms::owner_read | who);
        EXPECT_EQ(cli::read_secret_file(path)->exposure,
                  "others can read " + path + ": chmod 600 " + path);
    }
}

TEST(PassphraseFile, MissingOrUnreadableFileIsReported) {
    const TemporaryFolder folder;
    EXPECT_THAT(cli::read_secret_file((folder.path() / "none").string()),
                FailsWith(ErrorCode::kNotFound, "none"));
    EXPECT_THAT(cli::read_secret_file(folder.path().string()),
                FailsWith(ErrorCode::kInvalidArgument, "directory"));
    const auto closed = folder.file("closed", "geheim");
    fs::permissions(closed, fs::perms::none);
    EXPECT_THAT(cli::read_secret_file(closed), FailsWith(ErrorCode::kAccessDenied, "closed"));
}

TEST(SecretLine, PipeMayComeInPieces) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const base::UniqueFd reader(ends[0]);
    base::UniqueFd writer(ends[1]);
    ASSERT_EQ(::write(writer.get(), "geheim\nrest", 11), 11);
    EXPECT_EQ(secret_of(cli::read_secret_line(reader.get(), "pipe")), "geheim");
}

TEST(PromptOnAFile, IsRefused) {
    const base::UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    EXPECT_THAT(cli::prompt_for_secret(null.get(), "? "),
                FailsWith(ErrorCode::kInternal, "--passphrase-file"));
}

}  // namespace
}  // namespace ecryptfs::test
