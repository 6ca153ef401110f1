// SPDX-License-Identifier: Apache-2.0
//
// The same random operations on the mount and on a plain folder: each gives the same result.

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "lib/base/handle.h"
#include "tests/fuse/mounted_folder.h"
#include "tests/support/vectors.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;

constexpr int kOperations = 4'000;
constexpr int kBetweenComparisons = 500;
constexpr int kNames = 8;

struct Operation {
    int kind = 0;
    std::string path;
    std::string other;
    off_t offset = 0;
    std::string text;
    mode_t mode = 0;
};

class Operations {
  public:
    explicit Operations(unsigned seed) : random_(seed) {}

    Operation next() {
        Operation operation;
        operation.kind = static_cast<int>(below(13));
        operation.path = some_path();
        operation.other = some_path();
        operation.offset = static_cast<off_t>(below(60'000));
        operation.text = std::string(1 + below(12'000), static_cast<char>('a' + below(26)));
        operation.mode = below(2) == 0 ? 0600 : 0640;
        return operation;
    }

  private:
    std::size_t below(std::size_t end) { return static_cast<std::size_t>(random_()) % end; }

    // Few, so that operations meet.
    std::string some_path() {
        const auto name = fmt::format("f{}", below(kNames));
        return below(2) == 0 ? name : fmt::format("d{}/{}", below(3), name);
    }

    std::mt19937 random_;
};

int write_text(const fs::path& path, const Operation& operation, int flags) {
    const base::UniqueFd fd(
        ::open(path.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC | flags, operation.mode));
    if (!fd) {
        return -1;
    }
    const auto size =
        (flags & O_APPEND) != 0
            ? ::write(fd.get(), operation.text.data(), operation.text.size())
            : ::pwrite(fd.get(), operation.text.data(), operation.text.size(), operation.offset);
    return size == static_cast<ssize_t>(operation.text.size()) ? 0 : -2;
}

int carry_out(const fs::path& root, const Operation& operation) {
    const auto path = root / operation.path;
    const auto other = root / operation.other;
    const auto folder = root / fmt::format("d{}", operation.offset % 3);
    switch (operation.kind) {
        case 0:
            return write_text(path, operation, O_CREAT | O_EXCL);
        case 1:
        case 2:
            return write_text(path, operation, O_CREAT);
        case 3:
            return write_text(path, operation, O_CREAT | O_APPEND);
        case 4:
            return write_text(path, operation, O_TRUNC);
        case 5: {
            struct stat status{};
            const bool is_link = ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
            return is_link ? 0 : ::truncate(path.c_str(), operation.offset);
        }
        case 6:
            return ::rename(path.c_str(), other.c_str());
        case 7:
            return ::link(path.c_str(), other.c_str());
        case 8:
            return ::symlink(operation.other.c_str(), path.c_str());
        case 9:
            return ::unlink(path.c_str());
        case 10:
            return ::mkdir(folder.c_str(), 0755);
        case 11:
            return ::rmdir(folder.c_str());
        default:
            return ::fchmodat(AT_FDCWD, path.c_str(), operation.mode, 0);
    }
}

// All that operations can make.
std::vector<std::string> all_paths() {
    std::vector<std::string> paths;
    for (const std::string folder : {"", "d0/", "d1/", "d2/"}) {
        for (int i = 0; i < kNames; ++i) {
            paths.push_back(fmt::format("{}f{}", folder, i));
        }
    }
    return paths;
}

void compare(const fs::path& plain, const MountedFolder& mounted, int done) {
    ASSERT_EQ(difference(plain, mounted.path()), "") << "after " << done << " operations";
    for (const auto& path : all_paths()) {
        struct stat expected{};
        struct stat seen{};
        const bool is_there = ::lstat((plain / path).c_str(), &expected) == 0;
        ASSERT_EQ(::lstat((mounted.path() / path).c_str(), &seen) == 0, is_there) << path;
        EXPECT_EQ(seen.st_mode, expected.st_mode) << path;
        EXPECT_EQ(seen.st_nlink, expected.st_nlink) << path;
        EXPECT_EQ(seen.st_size, expected.st_size) << path;
    }
}

TEST(RandomOperations, GiveWhatAPlainFolderGives) {
    const TemporaryFolder folder;
    const auto lower = folder.path() / "lower";
    const auto plain = folder.path() / "plain";
    fs::create_directory(lower);
    fs::create_directory(plain);
    const auto tokens = add_passphrase_tokens(kCorrectHorsePassphrase);
    MountedFolder mounted(lower, mount_options(tokens));
    Operations operations(42);
    for (int i = 1; i <= kOperations; ++i) {
        const auto operation = operations.next();
        errno = 0;
        const int expected = carry_out(plain, operation);
        const int expected_errno = expected == 0 ? 0 : errno;
        const int seen = carry_out(mounted.path(), operation);
        const int seen_errno = seen == 0 ? 0 : errno;
        ASSERT_EQ(seen, expected) << i << ": kind " << operation.kind << " " << operation.path;
        ASSERT_EQ(seen_errno, expected_errno) << i << ": kind " << operation.kind;
        if (i % kBetweenComparisons == 0) {
            ASSERT_NO_FATAL_FAILURE(compare(plain, mounted, i));
        }
    }
    mounted.mount_anew();
    compare(plain, mounted, kOperations);
}

}  // namespace
}  // namespace ecryptfs::test
