// SPDX-License-Identifier: Apache-2.0

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

#include "lib/base/handle.h"
#include "tests/fuse/mounted_folder.h"
#include "tests/support/vectors.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;
using ::testing::StartsWith;

std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write(const fs::path& path, std::string_view text, std::ios::openmode mode = {}) {
    std::ofstream file(path, std::ios::binary | mode);
    file << text;
    file.close();
    ASSERT_TRUE(file) << path;
}

class Writing : public ::testing::TestWithParam<std::string> {
  protected:
    void SetUp() override { fs::create_directory(lower()); }

    fs::path lower() const { return folder_.path() / "lower"; }
    std::string options() const { return mount_options(tokens_) + GetParam(); }

    // What ecryptfsctl makes of the lower folder, in a new one.
    fs::path decrypted() const {
        const auto output = folder_.path() / "decrypted";
        const auto done = run(
            {ECRYPTFSCTL,
             {"decrypt", "--passphrase-file", folder_.file("passphrase", kCorrectHorsePassphrase),
              "--output", output, lower()}});
        EXPECT_EQ(done.exit_code, 0) << done.err;
        return output;
    }

    TemporaryFolder folder_;
    PassphraseTokens tokens_ = add_passphrase_tokens(kCorrectHorsePassphrase);
};

TEST_P(Writing, IsReadBackByTheMountAndByEcryptfsctl) {
    const std::string megabytes(3'000'001, 'm');
    {
        MountedFolder mounted(lower(), options());
        const auto& upper = mounted.path();
        write(upper / "empty", "");
        write(upper / "short", "hello\n");
        write(upper / "long", megabytes);
        fs::create_directories(upper / "a/b");
        fs::rename(upper / "short", upper / "a/b/moved");
        fs::create_symlink("../a/b/moved", upper / "a/link");
        fs::create_hard_link(upper / "long", upper / "a/second");
        fs::permissions(upper / "long", fs::perms(0640));
        mounted.mount_anew();
        EXPECT_EQ(read(upper / "a/b/moved"), "hello\n");
        EXPECT_EQ(read(upper / "long"), megabytes);
        EXPECT_EQ(read(upper / "empty"), "");
        EXPECT_EQ(fs::read_symlink(upper / "a/link"), "../a/b/moved");
        EXPECT_EQ(fs::hard_link_count(upper / "a/second"), 2U);
        EXPECT_EQ(fs::status(upper / "long").permissions(), fs::perms(0640));
        EXPECT_EQ(difference(upper, decrypted()), "");
    }
    for (const auto& entry : fs::recursive_directory_iterator(lower())) {
        EXPECT_THAT(entry.path().filename(), StartsWith("ECRYPTFS_FNEK_ENCRYPTED."));
    }
}

TEST_P(Writing, GrowsAndShrinks) {
    MountedFolder mounted(lower(), options());
    const auto file = mounted.path() / "file";
    write(file, std::string(5000, 'a'));
    write(file, "tail", std::ios::app);
    fs::resize_file(file, 4100);
    fs::resize_file(file, 4'000'000);
    {
        const base::UniqueFd fd(::open(file.c_str(), O_RDWR | O_CLOEXEC));
        ASSERT_EQ(::pwrite(fd.get(), "far", 3, 5'000'000), 3);
        ASSERT_EQ(::pwrite(fd.get(), "XY", 2, 4095), 2);
        ASSERT_EQ(::fsync(fd.get()), 0);
    }
    std::string expected(5'000'003, '\0');
    expected.replace(0, 4100, std::string(4100, 'a'));
    expected.replace(4095, 2, "XY");
    expected.replace(5'000'000, 3, "far");
    EXPECT_EQ(read(file), expected);
    mounted.mount_anew();
    EXPECT_EQ(read(file), expected);
}

TEST_P(Writing, ThroughAMappingIsKept) {
    MountedFolder mounted(lower(), options());
    const auto file = mounted.path() / "mapped";
    write(file, std::string(10'000, '.'));
    {
        const base::UniqueFd fd(::open(file.c_str(), O_RDWR | O_CLOEXEC));
        void* const memory =
            ::mmap(nullptr, 10'000, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
        ASSERT_NE(memory, MAP_FAILED);
        static_cast<char*>(memory)[8191] = '!';
        ASSERT_EQ(::munmap(memory, 10'000), 0);
    }
    mounted.mount_anew();
    EXPECT_EQ(read(file).substr(8190, 3), ".!.");
}

TEST_P(Writing, KeepsExtendedAttributesButHidesTheHeader) {
    MountedFolder mounted(lower(), options());
    const auto file = mounted.path() / "file";
    write(file, "text");
    ASSERT_EQ(::setxattr(file.c_str(), "user.colour", "red", 3, 0), 0);
    mounted.mount_anew();
    std::array<char, 256> buffer{};
    EXPECT_EQ(::getxattr(file.c_str(), "user.colour", buffer.data(), buffer.size()), 3);
    EXPECT_EQ(::listxattr(file.c_str(), buffer.data(), buffer.size()),
              static_cast<ssize_t>(sizeof "user.colour"));
    EXPECT_EQ(::getxattr(file.c_str(), "user.ecryptfs", buffer.data(), buffer.size()), -1);
    EXPECT_EQ(errno, ENODATA);
    EXPECT_EQ(::setxattr(file.c_str(), "user.ecryptfs", "x", 1, 0), -1);
    EXPECT_EQ(errno, EPERM);
    EXPECT_EQ(read(file), "text");
}

TEST_P(Writing, ANameIsAsLongAsTheLowerOneAllows) {
    const MountedFolder mounted(lower(), options());
    struct statvfs statistics{};
    ASSERT_EQ(::statvfs(mounted.path().c_str(), &statistics), 0);
    EXPECT_EQ(statistics.f_namemax, 143U);
    const std::string longest(143, 'n');
    write(mounted.path() / longest, "text");
    EXPECT_EQ(read(mounted.path() / longest), "text");
    EXPECT_EQ(::open((mounted.path() / (longest + "n")).c_str(), O_RDWR | O_CREAT, 0600), -1);
    EXPECT_EQ(errno, ENAMETOOLONG);
}

TEST_P(Writing, HasTheModeThatItsMakerGives) {
    const MountedFolder mounted(lower(), options());  // ecryptfs-fuse has the usual umask, 022
    const mode_t before = ::umask(0);
    const base::UniqueFd fd(
        ::open((mounted.path() / "file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
    const int made = ::mkdir((mounted.path() / "folder").c_str(), 0777);
    ::umask(before);
    ASSERT_TRUE(fd);
    ASSERT_EQ(made, 0);
    EXPECT_EQ(fs::status(mounted.path() / "file").permissions(), fs::perms(0666));
    EXPECT_EQ(fs::status(mounted.path() / "folder").permissions(), fs::perms(0777));
}

TEST_P(Writing, AFileThatIsRemovedWhileItIsOpenLivesOn) {
    const MountedFolder mounted(lower(), options());
    const auto file = mounted.path() / "file";
    write(file, "text");
    const base::UniqueFd fd(::open(file.c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_EQ(::unlink(file.c_str()), 0);
    ASSERT_EQ(::pwrite(fd.get(), "TE", 2, 0), 2);
    std::array<char, 8> buffer{};
    EXPECT_EQ(::pread(fd.get(), buffer.data(), buffer.size(), 0), 4);
    EXPECT_EQ(std::string(buffer.data(), 4), "TExt");
    EXPECT_FALSE(fs::exists(file));
}

INSTANTIATE_TEST_SUITE_P(Headers, Writing,
                         ::testing::Values("", ",ecryptfs_xattr_metadata",
                                           ",ecryptfs_key_bytes=32"));

}  // namespace
}  // namespace ecryptfs::test
