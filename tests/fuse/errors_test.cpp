// SPDX-License-Identifier: Apache-2.0

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

#include "lib/base/error.h"
#include "lib/base/handle.h"
#include "tests/fuse/mounted_folder.h"
#include "tests/support/lower_files.h"
#include "tests/support/vectors.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;
using base::ErrorCode;
using ::testing::HasSubstr;

// The errno of opening a file to read it; 0 if it opens.
int error_of_opening(const fs::path& path, int flags = O_RDONLY) {
    const base::UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, 0600));
    return fd ? 0 : errno;
}

int status_of(ErrorCode code) {
    return base::traits(code).status;
}

class MountErrors : public ::testing::Test {
  protected:
    void SetUp() override {
        fs::create_directory(lower());
        fs::create_directory(upper());
    }
    fs::path lower() const { return folder_.path() / "lower"; }
    fs::path upper() const { return folder_.path() / "upper"; }

    TemporaryFolder folder_;
    PassphraseTokens tokens_ = add_passphrase_tokens(kCorrectHorsePassphrase);
};

TEST_F(MountErrors, AKeyThatIsNotThereIsNamed) {
    const auto done = run_fuse({lower(), upper(), "-o", "ecryptfs_sig=0123456789abcdef"});
    EXPECT_EQ(done.exit_code, status_of(ErrorCode::kUnknownKey));
    EXPECT_THAT(done.err, HasSubstr("0123456789abcdef"));
}

TEST_F(MountErrors, OptionsThatAreWrongAreNamed) {
    const auto key = mount_options(tokens_);
    for (const auto& [options, part] : std::map<std::string, std::string>{
             {"ecryptfs_sig=short", "not a key's signature"},
             {key + ",ecryptfs_key_bytes=x", "not a number"},
             {key + ",ecryptfs_key_bytes=17", "no cipher aes with keys of 17 bytes"},
             {key + ",ecryptfs_cipher=rot13", "no cipher rot13"},
             {key + ",ecryptfs_passthrough", "does not have the option ecryptfs_passthrough"},
             {"ro", "no key for the contents"},
             {key + ",nonsense", "neither eCryptfs nor FUSE knows"}}) {
        const auto done = run_fuse({lower(), upper(), "-o", options});
        EXPECT_EQ(done.exit_code, status_of(ErrorCode::kInvalidArgument)) << options;
        EXPECT_THAT(done.err, HasSubstr(part)) << options;
        EXPECT_THAT(done.err, HasSubstr("try: ")) << options;
    }
}

TEST_F(MountErrors, AFolderThatIsNotThereIsNamed) {
    const auto key = mount_options(tokens_);
    const auto done = run_fuse({folder_.path() / "none", upper(), "-o", key});
    EXPECT_EQ(done.exit_code, status_of(ErrorCode::kNotFound));
    EXPECT_THAT(done.err, HasSubstr("none: No such file or directory"));
    EXPECT_NE(run_fuse({lower(), folder_.path() / "none", "-o", key}).exit_code, 0);
}

TEST_F(MountErrors, FilesOfOtherKeysAreSeenButNotOpened) {
    unpack_vector("pass-aes16.lower", lower() / "other");
    const auto others = add_passphrase_tokens(kBatteryStaple);
    const MountedFolder mounted(lower() / "other", mount_options(others, false));
    const auto file = mounted.path() / "size-004097.bin";
    EXPECT_EQ(fs::file_size(file), 4097U);
    EXPECT_EQ(error_of_opening(file), ENOKEY);
    EXPECT_EQ(::truncate(file.c_str(), 0), -1);
    EXPECT_EQ(errno, ENOKEY);
    EXPECT_EQ(fs::file_size(file), 4097U);
}

TEST_F(MountErrors, NamesOfOtherKeysAreHidden) {
    unpack_vector("pass-aes32-fnek.lower", lower() / "other");
    const MountedFolder mounted(lower() / "other", mount_options(tokens_));
    EXPECT_TRUE(fs::is_empty(mounted.path()));
}

TEST_F(MountErrors, WhatIsNoEncryptedFileGivesEio) {
    std::ofstream(lower() / "plain") << "not encrypted, and longer than the sixteen bytes needed";
    const MountedFolder mounted(lower(), mount_options(tokens_, false));
    EXPECT_EQ(error_of_opening(mounted.path() / "plain"), EIO);
}

// They would lead a program that trusts what it lists out of the folder.
TEST_F(MountErrors, NamesThatLeadElsewhereAreHidden) {
    const auto names = add_passphrase_tokens(kBatteryStaple);
    std::ofstream(lower() / lower_name_of("../escape"));
    std::ofstream(lower() / lower_name_of(".."));
    std::ofstream(lower() / lower_name_of("fine"));
    const MountedFolder mounted(lower(), mount_options(names) + ",ecryptfs_key_bytes=32");
    std::vector<std::string> seen;
    for (const auto& entry : fs::directory_iterator(mounted.path())) {
        seen.push_back(entry.path().filename());
    }
    EXPECT_EQ(seen, std::vector<std::string>{"fine"});
}

TEST_F(MountErrors, ALostExtentGivesEio) {
    {
        const MountedFolder mounted(lower(), mount_options(tokens_, false));
        std::ofstream(mounted.path() / "file") << std::string(3 * 4096, 'x');
    }
    const base::UniqueFd below(::open((lower() / "file").c_str(), O_RDWR | O_CLOEXEC));
    const std::string zeros(4096, '\0');
    ASSERT_EQ(::pwrite(below.get(), zeros.data(), zeros.size(), 8192 + 4096), 4096);
    const MountedFolder mounted(lower(), mount_options(tokens_, false));
    std::string bytes(4096, '\0');
    const base::UniqueFd fd(::open((mounted.path() / "file").c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(::pread(fd.get(), bytes.data(), bytes.size(), 4096), -1);
    EXPECT_EQ(errno, EIO);
}

TEST_F(MountErrors, AFileThatLostItsEndIsAsLongAsWhatIsLeft) {
    {
        const MountedFolder mounted(lower(), mount_options(tokens_, false));
        std::ofstream(mounted.path() / "file") << std::string(3 * 4096, 'x');
    }
    ASSERT_EQ(::truncate((lower() / "file").c_str(), 8192 + 4096 + 100), 0);
    const MountedFolder mounted(lower(), mount_options(tokens_, false));
    std::ifstream file(mounted.path() / "file", std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    EXPECT_EQ(text, std::string(4096, 'x'));
}

TEST_F(MountErrors, AFileOfAnImpossibleSizeGivesEio) {
    unpack_vector("pass-aes16.lower", lower() / "vector");
    const auto file = lower() / "vector/size-004097.bin";
    const base::UniqueFd below(::open(file.c_str(), O_RDWR | O_CLOEXEC));
    const std::string huge(8, '\xff');
    ASSERT_EQ(::pwrite(below.get(), huge.data(), huge.size(), 0), 8);
    const MountedFolder mounted(lower() / "vector", mount_options(tokens_, false));
    struct stat status{};
    EXPECT_EQ(::stat((mounted.path() / "size-004097.bin").c_str(), &status), -1);
    EXPECT_EQ(errno, EIO);
}

TEST_F(MountErrors, OthersWhomTheMountLetsInHaveTheRightsOfTheMode) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "only root may let others in, unless fuse.conf says otherwise";
    }
    fs::permissions(lower(), fs::perms(0755));
    const MountedFolder mounted(lower(), mount_options(tokens_, false) + ",allow_other");
    std::ofstream(mounted.path() / "secret") << "text";
    fs::permissions(mounted.path() / "secret", fs::perms(0600));
    const auto read = run({"/usr/bin/setpriv",
                           {"--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/cat",
                            mounted.path() / "secret"}});
    EXPECT_EQ(read.out, "");
    EXPECT_THAT(read.err, HasSubstr("Permission denied"));
}

TEST_F(MountErrors, AReadOnlyMountChangesNothing) {
    unpack_vector("pass-aes16.lower", lower() / "vector");
    const MountedFolder mounted(lower() / "vector", mount_options(tokens_, false) + ",ro");
    EXPECT_EQ(error_of_opening(mounted.path() / "size-004097.bin"), 0);
    EXPECT_EQ(error_of_opening(mounted.path() / "size-004097.bin", O_RDWR), EROFS);
    EXPECT_EQ(error_of_opening(mounted.path() / "new", O_RDWR | O_CREAT), EROFS);
}

TEST_F(MountErrors, AnEmptyLowerFileIsAnEmptyFile) {
    std::ofstream(lower() / "file").close();
    const MountedFolder mounted(lower(), mount_options(tokens_, false));
    EXPECT_EQ(fs::file_size(mounted.path() / "file"), 0U);
    std::ofstream(mounted.path() / "file") << "text";
    EXPECT_EQ(fs::file_size(mounted.path() / "file"), 4U);
    EXPECT_EQ(fs::file_size(lower() / "file"), 8192U + 4096U);
}

}  // namespace
}  // namespace ecryptfs::test
