// SPDX-License-Identifier: Apache-2.0
//
// A mount passphrase that is given to mount itself.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/fuse/mount_verb.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

// The keys get into the user keyring, which other tests of the same user have, too: each process
// has passphrases of its own.
class MountPassphrase : public MountVerb {
  protected:
    void SetUp() override {
        MountVerb::SetUp();
        ASSERT_EQ(in_shell(fmt::format("umask 077; echo right {0} >right; echo wrong {0} >wrong; "
                                       "printf '#!/bin/sh\\ncat right\\n' >answer; chmod +x answer",
                                       ::getpid()))
                      .exit_code,
                  0);
    }
    void TearDown() override {
        ctl({"umount", path("upper"), "--lazy"});
        MountVerb::TearDown();
    }
};

TEST_F(MountPassphrase, IsAllThatANewFolderNeeds) {
    const auto mounted =
        in_shell("ecryptfsctl mount lower upper --passphrase-file right --encrypt-names --json");
    ASSERT_EQ(mounted.exit_code, 0) << mounted.err;
    const auto said = json::parse(mounted.out);
    EXPECT_EQ(said["keys_from"], "passphrase");
    EXPECT_THAT(said["keys"], SizeIs(1));
    EXPECT_THAT(said["name_keys"], SizeIs(1));
    write("letter", "Dear Bob");
    EXPECT_THAT(fs::directory_iterator(path("lower"))->path().filename().string(),
                StartsWith("ECRYPTFS_FNEK_ENCRYPTED."));
    const auto gone = json::parse(ctl({"umount", path("upper"), "--json"}).out);
    EXPECT_THAT(gone["unlinked"], SizeIs(2)) << "no key is left behind";

    // Asked for: once, as the folder is known.
    expect_done(in_shell("ecryptfsctl mount lower --passphrase --askpass ./answer"));
    EXPECT_EQ(read("letter"), "Dear Bob");
}

TEST_F(MountPassphrase, WrongOneLeavesNoKeyBehind) {
    expect_done(in_shell("ecryptfsctl mount lower upper --passphrase-file right"));
    expect_done(ctl({"umount", path("upper")}));
    const auto refused = in_shell("ecryptfsctl mount lower --passphrase-file wrong");
    const auto key = refused.err.substr(refused.err.find("makes the key ") + 14, 16);
    expect_refusal(refused, ErrorCode::kWrongSecret, "this passphrase makes the key " + key,
                   "type it again; or to mount with this one: --key " + key);
    expect_refusal(ctl({"mount", path("lower"), "--key", key}), ErrorCode::kUnknownKey,
                   "no key " + key, "ecryptfsctl add-key");
    expect_done(in_shell("ecryptfsctl mount lower --passphrase-file wrong --key " + key));
    EXPECT_TRUE(is_mounted());
}

TEST_F(MountPassphrase, GoesAgainIfTheMountFails) {
    ASSERT_EQ(in_shell("mkdir upper/here").exit_code, 0);
    const std::string mount = "ecryptfsctl mount lower upper --passphrase-file right";
    expect_refusal(in_shell(mount), ErrorCode::kAlreadyExists, "is not empty", "name an empty");
    const auto key = in_shell(
        "ecryptfsctl add-passphrase --passphrase-file right "
        "--keyring session");
    ASSERT_EQ(in_shell("ecryptfsctl remove-key " + key.out).exit_code, 0);
    ASSERT_EQ(in_shell(mount).exit_code, 30);
    EXPECT_EQ(in_shell("ecryptfsctl remove-key " + key.out).exit_code, 8) << "there is none";
}

TEST_F(MountPassphrase, IsTakenFromAWrappedFileOfEcryptfsUtils) {
    ASSERT_EQ(in_shell("mkdir -p .ecryptfs .Private Private; echo login >login; ecryptfsctl "
                       "wrap-passphrase .ecryptfs/wrapped-passphrase --passphrase-file right "
                       "--wrapping-passphrase-file login; ecryptfsctl add-passphrase --fnek "
                       "--keyring session --passphrase-file right >.ecryptfs/Private.sig; for key "
                       "in $(cat .ecryptfs/Private.sig); do ecryptfsctl remove-key $key; done; "
                       "echo \"$HOME/Private\" >.ecryptfs/Private.mnt")
                  .exit_code,
              0);
    const auto mounted = in_shell(
        "ecryptfsctl mount .Private --json --wrapped .ecryptfs/wrapped-passphrase "
        "--wrapping-passphrase-file login && touch Private/name && ls .Private");
    EXPECT_EQ(mounted.exit_code, 0) << mounted.err;
    EXPECT_THAT(mounted.out, HasSubstr("\"keys_from\": \"~/.ecryptfs\""));
    EXPECT_THAT(mounted.out, HasSubstr("\nECRYPTFS_FNEK_ENCRYPTED."));
    EXPECT_EQ(in_shell("ecryptfsctl umount Private").exit_code, 0);
}

TEST_F(MountPassphrase, BelongsToItsOptions) {
    for (const auto* option : {"--encrypt-names", "--salt 0123456789abcdef"}) {
        expect_refusal(in_shell(std::string("ecryptfsctl mount lower upper ") + option),
                       ErrorCode::kInvalidArgument, " belongs to a mount passphrase",
                       "give it with --passphrase, --passphrase-file or --wrapped");
    }
}

}  // namespace
}  // namespace ecryptfs::test
