// SPDX-License-Identifier: Apache-2.0
//
// What the kernel and ecryptfs-utils wrote is read through the mount.

#include "tests/support/vectors.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/fuse/mounted_folder.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;

struct Vector {
    std::string name;
    std::string passphrase;
    std::string options;  // beside the keys
    bool has_names = false;
    std::string plain = "plain";
};

void PrintTo(const Vector& vector, std::ostream* out) {
    *out << vector.name;
}

class MountedVector : public ::testing::TestWithParam<Vector> {};

TEST_P(MountedVector, ReadsAsItWasWritten) {
    const auto& vector = GetParam();
    const TemporaryFolder folder;
    const auto lower = folder.path() / "lower";
    const auto plain = folder.path() / "plain";
    unpack_vector(vector.name + ".lower", lower);
    unpack_vector(vector.plain, plain);
    const auto tokens = add_passphrase_tokens(vector.passphrase);
    const MountedFolder mounted(lower, mount_options(tokens, vector.has_names) + vector.options);
    EXPECT_EQ(difference(plain, mounted.path()), "");
}

// Contents for another passphrase, names by the old one's key.
TEST_P(MountedVector, ReadsTheSameWhenRekeyed) {
    const auto& vector = GetParam();
    const TemporaryFolder folder;
    const auto lower = folder.path() / "lower";
    const auto plain = folder.path() / "plain";
    unpack_vector(vector.name + ".lower", lower);
    unpack_vector(vector.plain, plain);
    auto tokens = add_passphrase_tokens(vector.passphrase);
    tokens.contents = add_passphrase_tokens("another").contents;
    const auto rekeyed = run({ECRYPTFSCTL, {"rekey", lower, "--to", tokens.contents}});
    EXPECT_EQ(rekeyed.exit_code, 0) << rekeyed.err;
    const MountedFolder mounted(lower, mount_options(tokens, vector.has_names) + vector.options);
    EXPECT_EQ(difference(plain, mounted.path()), "");
    const auto refused = run({ECRYPTFSCTL, {"rekey", lower, "--to", tokens.contents}});
    EXPECT_EQ(refused.exit_code, 31) << refused.err;
}

INSTANTIATE_TEST_SUITE_P(
    OfEachKind, MountedVector,
    ::testing::Values(Vector{"pass-aes16", kCorrectHorsePassphrase, ""},
                      Vector{"pass-aes32-fnek", kBatteryStaple, ",ecryptfs_key_bytes=32", true},
                      Vector{"rsa-plus-pass", "recovery", ""},
                      Vector{"aes24-fnek", kCorrectHorsePassphrase, ",ecryptfs_key_bytes=24", true,
                             "ciphers.plain"},
                      Vector{"des3-fnek", kCorrectHorsePassphrase,
                             ",ecryptfs_cipher=des3_ede,ecryptfs_key_bytes=24", true,
                             "ciphers.plain"},
                      Vector{"blowfish16-fnek", kCorrectHorsePassphrase,
                             ",ecryptfs_cipher=blowfish", true, "ciphers.plain"},
                      Vector{"blowfish56", kCorrectHorsePassphrase,
                             ",ecryptfs_cipher=blowfish,ecryptfs_key_bytes=56", false,
                             "ciphers.plain"},
                      Vector{"cast5-fnek", kCorrectHorsePassphrase, ",ecryptfs_cipher=cast5", true,
                             "ciphers.plain"},
                      Vector{"aes16-xattr", kCorrectHorsePassphrase, ",ecryptfs_xattr_metadata",
                             false, "ciphers.plain"}));

}  // namespace
}  // namespace ecryptfs::test
