// SPDX-License-Identifier: Apache-2.0
//
// The advice of rekey is followed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/command.h"
#include "tests/support/exit_code.h"
#include "tests/support/keyrings.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/vectors.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using ::testing::HasSubstr;

// Lines of shell: what makes the situation, what is typed, and what is typed by the advice.
struct Row {
    std::string made_by;
    std::string typed;
    ErrorCode error;
    std::string advice;
    std::string followed;
};

// The files `old`, `recovery` and `new` have passphrases; the first ones open the vectors.
class RekeyAdvice : public ::testing::Test {
  protected:
    void SetUp() override { make_login_keyrings(); }

    Outcome in_shell(const std::string& line) const {
        const Environment environment = {
            {"PATH", fs::path(ECRYPTFSCTL).parent_path().string() + ":/usr/bin:/bin"},
            {"HOME", folder_.path().string()},
            {"VECTORS", ECRYPTFS_VECTORS}};
        const std::string start =
            "unpack() { rm -rf lower; mkdir lower && tar -C lower --xattrs -xf "
            "\"$VECTORS/$1.lower.tar.xz\"; }; "
            "token() { ecryptfsctl add-passphrase $2 --passphrase-file $1; }; "
            "rekey() { ecryptfsctl rekey lower \"$@\"; }; cd \"$0\" && ";
        return run({"/bin/sh", {"-c", start + line, folder_.path().string()}, environment});
    }

    void check(const Row& row) const {
        SCOPED_TRACE(row.typed);
        const auto made = in_shell(
            "echo correct-horse >old; echo recovery >recovery; echo new >new; " + row.made_by);
        ASSERT_EQ(made.exit_code, 0) << made.err;
        const auto refused = in_shell(row.typed);
        EXPECT_EQ(refused.exit_code, exit_code(row.error)) << refused.err;
        EXPECT_THAT(refused.err, HasSubstr("try: " + row.advice + "\n"));
        const auto followed = in_shell(row.followed);
        EXPECT_EQ(followed.exit_code, 0) << followed.err;
    }

    TemporaryFolder folder_;
};

TEST_F(RekeyAdvice, OptionsThatContradict) {
    for (const auto& row : std::vector<Row>{
             {"unpack pass-aes16", "rekey --passphrase-file old", ErrorCode::kInvalidArgument,
              "give it with --to or --add, or the one that goes with --remove",
              "rekey --passphrase-file old --to-passphrase-file new"},
             {"unpack pass-aes16",
              "rekey --passphrase-file old --to-passphrase-file new --remove 9d59cdc2eaf8d95e",
              ErrorCode::kInvalidArgument, "leave out --to, or --add and --remove",
              "rekey --passphrase-file old --to-passphrase-file new"},
             {"unpack pass-aes16; token old",
              "rekey --new-salt 0123456789abcdef --to 9d59cdc2eaf8d95e",
              ErrorCode::kInvalidArgument, "give it with --to-passphrase or --add-passphrase",
              "rekey --new-salt 0123456789abcdef --add-passphrase-file new"},
             {"unpack pass-aes16",
              "rekey --passphrase-file old --add-passphrase-file old --remove 9d59cdc2eaf8d95e",
              ErrorCode::kInvalidArgument, "leave out one of the two",
              "rekey --passphrase-file old --add-passphrase-file old"},
             {"unpack pass-aes16", "rekey --resume --dry-run", ErrorCode::kInvalidArgument,
              "leave out one of them", "rekey --resume"}}) {
        check(row);
    }
}

TEST_F(RekeyAdvice, KeysThatWillNotDo) {
    for (const auto& row : std::vector<Row>{
             {"unpack pass-aes16; token old", "rekey --remove 9d59cdc2eaf8d95e",
              ErrorCode::kInvalidArgument, "leave out --remove, or name another key with --add",
              "rekey --remove 9d59cdc2eaf8d95e --add-passphrase-file new"},
             {"unpack pass-aes16; rekey --passphrase-file old --add-passphrase-file new",
              "keyctl clear @u; rekey --passphrase-file old --remove 9d59cdc2eaf8d95e",
              ErrorCode::kUnknownKey,
              "give one of the keys that stay, which shows that it opens the files",
              "rekey --passphrase-file new --remove 9d59cdc2eaf8d95e"},
             {"unpack pass-aes16; token old --fnek", "rekey --to e80b89d3427db0d3",
              ErrorCode::kInvalidKey,
              "give the first of the two signatures that add-passphrase --fnek prints",
              "rekey --to 9d59cdc2eaf8d95e"},
             {"unpack rsa-plus-pass; keyctl padd user fe3467554552491d @u "
              "<\"$VECTORS/rsa-plus-pass.authtok.fe3467554552491d\"",
              "rekey --passphrase-file recovery --to fe3467554552491d", ErrorCode::kInvalidToken,
              "give the key's file or URI instead of its signature",
              "rekey --passphrase-file recovery --to-passphrase-file new"}}) {
        check(row);
    }
}

TEST_F(RekeyAdvice, DamagedPackets) {
    // A byte of the encrypted file key, behind 26 bytes of header, tag, length and 14 of fields.
    const std::string damage =
        "printf X | dd of=lower/size-004097.bin bs=1 seek=42 conv=notrunc status=none; ";
    for (const auto& row : std::vector<Row>{
             {"unpack pass-aes16; " + damage,
              "rekey --passphrase-file old --to-passphrase-file new", ErrorCode::kDecryptFailed,
              "see by decrypt whether this key is right, or give another one alone",
              "ecryptfsctl decrypt lower/size-004097.bin --output out --passphrase-file old"},
             {"unpack pass-aes16; rekey --passphrase-file old --add-passphrase-file new; " + damage,
              "rekey --passphrase-file old --passphrase-file new --remove 9d59cdc2eaf8d95e",
              ErrorCode::kDecryptFailed,
              "see by decrypt which key is right, and give that one alone",
              "rekey --passphrase-file new --remove 9d59cdc2eaf8d95e"}}) {
        check(row);
    }
}

TEST_F(RekeyAdvice, PathsThatAreTooLong) {
    check(
        {"unpack pass-aes16; perl -e 'chdir \"lower\"; for (1..21) { mkdir \"d\" x 200; chdir "
         "\"d\" x 200 } "
         "system \"cp\", $ARGV[0], \".\"' \"$PWD/lower/size-000001.bin\"",
         "rekey --passphrase-file old --to-passphrase-file new", ErrorCode::kNotSupported,
         "name a folder further down as PATH",
         "old=$PWD/old; new=$PWD/new; perl -e 'chdir \"lower\"; chdir \"d\" x 200 for 1..10; "
         "exec @ARGV' ecryptfsctl rekey . --passphrase-file \"$old\" --to-passphrase-file "
         "\"$new\""});
}

TEST_F(RekeyAdvice, JournalsAndRuns) {
    for (const auto& row :
         std::vector<Row>{{"unpack pass-aes16; echo mine >lower/.ecryptfsctl-rekey; "
                           "chmod 600 lower/.ecryptfsctl-rekey",
                           "rekey --resume", ErrorCode::kMalformed,
                           "if no rekey was interrupted, remove the file .ecryptfsctl-rekey",
                           "rm lower/.ecryptfsctl-rekey; rekey --resume"},
                          {"unpack pass-aes16; : >lower/.ecryptfsctl-rekey; "
                           "chmod 666 lower/.ecryptfsctl-rekey",
                           "rekey --resume", ErrorCode::kAccessDenied,
                           "have that user run ecryptfsctl rekey --resume there",
                           "chmod 600 lower/.ecryptfsctl-rekey; rekey --resume"},
                          {"unpack pass-aes16", "exec 9<lower; flock 9; rekey --resume",
                           ErrorCode::kBusy, "wait until it has ended", "rekey --resume"}}) {
        check(row);
    }
}

}  // namespace
}  // namespace ecryptfs::test
