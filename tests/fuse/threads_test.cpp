// SPDX-License-Identifier: Apache-2.0
//
// Many at once on one mount: each finds what it wrote.

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/handle.h"
#include "tests/fuse/mounted_folder.h"
#include "tests/support/lower_files.h"
#include "tests/support/vectors.h"

namespace ecryptfs::test {
namespace {

namespace fs = std::filesystem;

constexpr int kThreads = 6;

class Crowd : public ::testing::Test {
  protected:
    void SetUp() override {
        fs::create_directory(lower());
        mounted_.emplace(lower(), mount_options(tokens_));
    }
    fs::path lower() const { return folder_.path() / "lower"; }
    const fs::path& upper() const { return mounted_->path(); }

    // Each thread with its number.
    template <typename Work>
    static void work_at_once(Work work) {
        std::vector<std::thread> threads;
        for (int i = 0; i < kThreads; ++i) {
            threads.emplace_back([&work, i] { work(i); });
        }
        for (auto& thread : threads) {
            thread.join();
        }
    }

    TemporaryFolder folder_;
    PassphraseTokens tokens_ = add_passphrase_tokens(kCorrectHorsePassphrase);
    std::optional<MountedFolder> mounted_;
};

std::string text_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// Files are made, written, synced, renamed, listed and removed beside each other.
void work_in_own_folder(const fs::path& folder, int number) {
    fs::create_directory(folder);
    for (int round = 0; round < 30; ++round) {
        const auto file = folder / fmt::format("file-{}", round);
        const std::string text(static_cast<std::size_t>(1 + 3001 * (number + round % 7)),
                               static_cast<char>('a' + number));
        {
            const base::UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
            EXPECT_EQ(::write(fd.get(), text.data(), text.size()),
                      static_cast<ssize_t>(text.size()));
            EXPECT_EQ(::fsync(fd.get()), 0);
        }
        fs::rename(file, folder / "moved");
        EXPECT_EQ(fs::file_size(folder / "moved"), text.size());
        EXPECT_EQ(text_of(folder / "moved"), text);
        if (round % 3 == 0) {
            fs::remove(folder / "moved");
        } else {
            fs::rename(folder / "moved", folder / fmt::format("kept-{}", round));
        }
    }
    EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 20);
}

TEST_F(Crowd, DoesNotDisturbEachOther) {
    work_at_once([&](int number) {
        work_in_own_folder(upper() / fmt::format("folder-{}", number), number);
    });
}

// Pieces of one file that touch each other's extents.
TEST_F(Crowd, WritesPiecesOfOneFile) {
    constexpr std::size_t kPiece = 1000;
    constexpr std::size_t kRounds = 60;
    const auto file = upper() / "shared";
    std::ofstream(file).close();
    work_at_once([&](int number) {
        const base::UniqueFd fd(::open(file.c_str(), O_RDWR | O_CLOEXEC));
        const std::string text(kPiece, static_cast<char>('a' + number));
        for (std::size_t round = 0; round < kRounds; ++round) {
            const auto place = (round * kThreads + static_cast<std::size_t>(number)) * kPiece;
            EXPECT_EQ(::pwrite(fd.get(), text.data(), kPiece, static_cast<off_t>(place)),
                      static_cast<ssize_t>(kPiece));
            if (round % 10 == 0) {
                EXPECT_EQ(::fdatasync(fd.get()), 0);
            }
        }
    });
    mounted_->mount_anew();
    std::string expected;
    for (std::size_t i = 0; i < kRounds * kThreads; ++i) {
        expected += std::string(kPiece, static_cast<char>('a' + i % kThreads));
    }
    EXPECT_EQ(text_of(file), expected);
}

TEST_F(Crowd, OpensAndRenamesTheSameFiles) {
    for (int i = 0; i < 4; ++i) {
        std::ofstream(upper() / fmt::format("f{}", i)) << std::string(5000, 'x');
    }
    std::atomic<bool> is_wrong = false;
    work_at_once([&](int number) {
        for (int round = 0; round < 200; ++round) {
            const auto file = upper() / fmt::format("f{}", (number + round) % 4);
            if (number % 2 == 0) {
                ::rename(file.c_str(), (upper() / fmt::format("f{}", round % 4)).c_str());
                std::ofstream(file, std::ios::app) << "x";
            } else {
                struct stat status{};
                is_wrong = is_wrong || (::stat(file.c_str(), &status) != 0 && errno != ENOENT);
                const auto text = text_of(file);
                is_wrong = is_wrong || text.find_first_not_of('x') != std::string::npos;
            }
        }
    });
    EXPECT_FALSE(is_wrong);
}

TEST_F(Crowd, ListsALargeFolderWhole) {
    constexpr int kFiles = 3000;
    for (int i = 0; i < 10; ++i) {
        std::ofstream(lower() / lower_name_of(fmt::format("not ours {}", i)));
    }
    for (int i = 0; i < kFiles; ++i) {
        const base::UniqueFd fd(::open((upper() / fmt::format("a-file-of-many-{}", i)).c_str(),
                                       O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        ASSERT_TRUE(fd);
    }
    work_at_once([&](int /*number*/) {
        std::multiset<std::string> seen;
        for (const auto& entry : fs::directory_iterator(upper())) {
            seen.insert(entry.path().filename());
            EXPECT_TRUE(entry.is_regular_file());
        }
        EXPECT_EQ(seen.size(), static_cast<std::size_t>(kFiles));
        EXPECT_EQ(std::set(seen.begin(), seen.end()).size(), static_cast<std::size_t>(kFiles));
    });
}

TEST_F(Crowd, GetsItsAnswersBeforeASignalEndsTheProgram) {
    work_in_own_folder(upper() / "folder", 1);
    ::kill(mounted_->pid(), SIGTERM);
    EXPECT_TRUE(mounted_->ended());
}

}  // namespace
}  // namespace ecryptfs::test
