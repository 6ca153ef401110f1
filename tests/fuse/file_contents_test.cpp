// SPDX-License-Identifier: Apache-2.0
//
// FileContents against a plain string, by a thousand random steps.

#include "fuse/file_contents.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <deque>
#include <random>
#include <string>

#include "lib/base/bytes.h"
#include "lib/lower/file_key.h"
#include "tests/support/temporary_folder.h"

namespace ecryptfs::fuse {
namespace {

using base::as_bytes;
using base::as_text;

class Contents : public ::testing::Test {
  protected:
    void SetUp() override {
        constexpr std::uint8_t kAes128 = 7;
        key_ = base::value_or_throw(lower::make_file_key(*wire::find_cipher(kAes128), 16));
        const std::vector<std::uint8_t> header(lower::kLeastSizeAtFront);
        const auto fd = open_lower();
        ASSERT_EQ(::pwrite(fd.get(), header.data(), header.size(), 0),
                  static_cast<ssize_t>(header.size()));
    }

    base::UniqueFd open_lower() const {
        return base::UniqueFd(
            ::open((folder_.path() / "lower").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    }

    FileContents open(std::uint64_t size) {
        auto extents = base::value_or_throw(lower::ExtentCipher::create(key_));
        fds_.push_back(open_lower());
        return {fds_.back(),
                {false, lower::kLeastSizeAtFront},
                {size, static_cast<std::uint64_t>(lower_size())},
                std::move(extents)};
    }

    std::uint64_t stored_size() const {
        std::array<std::uint8_t, 8> field{};
        EXPECT_EQ(::pread(open_lower().get(), field.data(), field.size(), 0), 8);
        return base::ByteReader(field).take_big_endian<std::uint64_t>().value();
    }

    off_t lower_size() const {
        struct stat status{};
        EXPECT_EQ(::stat((folder_.path() / "lower").c_str(), &status), 0);
        return status.st_size;
    }

    static std::string read_all(FileContents& contents) {
        return std::string(as_text(contents.read(0, 1U << 20).value()));
    }

    test::TemporaryFolder folder_;
    lower::FileKey key_;
    std::deque<base::UniqueFd> fds_;  // that contents borrow
};

TEST_F(Contents, AreAsAPlainFileWouldBeAfterAnySteps) {
    std::mt19937 random(17);  // NOLINT(cert-msc51-cpp): the same steps each time
    const auto below = [&](std::size_t end) { return static_cast<std::size_t>(random()) % end; };
    constexpr std::size_t kLargest = 40'000;
    std::string plain;
    auto contents = open(0);
    for (int step = 0; step < 2'000; ++step) {
        switch (below(8)) {
            case 0: {
                const auto size = below(kLargest);
                plain.resize(size);
                ASSERT_TRUE(contents.resize(size));
                break;
            }
            case 1:
                contents = open(stored_size());
                break;
            default: {
                const auto offset = below(2) == 0 ? plain.size() : below(kLargest);
                const std::string text(1 + below(9'000), static_cast<char>('a' + below(26)));
                plain.resize(std::max(plain.size(), offset + text.size()));
                plain.replace(offset, text.size(), text);
                ASSERT_TRUE(contents.write(offset, as_bytes(text)));
            }
        }
        ASSERT_EQ(contents.size(), plain.size());
        ASSERT_EQ(stored_size(), plain.size());
        const auto offset = below(kLargest);
        const auto part = contents.read(offset, below(9'000));
        ASSERT_TRUE(part);
        ASSERT_EQ(as_text(*part), offset < plain.size() ? plain.substr(offset, part->size()) : "");
        ASSERT_EQ(read_all(contents), plain) << "after step " << step;
    }
    EXPECT_EQ(lower_size() % 4096, 0);
}

TEST_F(Contents, HaveNoHolesBelow) {
    auto contents = open(0);
    ASSERT_TRUE(contents.write(3'000'000, as_bytes("x")));
    EXPECT_EQ(lower_size(), 8192 + 733 * 4096);
    auto again = open(stored_size());
    EXPECT_EQ(read_all(again), std::string(1U << 20, '\0'));
}

TEST_F(Contents, KeepTheirSizeWithoutRoom) {
    auto contents = open(0);
    ASSERT_TRUE(contents.write(0, as_bytes(std::string(5000, 'x'))));
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit old{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
    rlimit small = old;
    small.rlim_cur = 8192 + 3 * 4096 + 100;
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const auto written = contents.write(5000, as_bytes(std::string(20'000, 'y')));
    const auto grown = contents.resize(100'000);
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
    EXPECT_EQ(written.error(), EFBIG);
    EXPECT_EQ(grown.error(), EFBIG);
    auto again = open(stored_size());
    EXPECT_EQ(read_all(again).substr(0, 5000), std::string(5000, 'x'));
    EXPECT_EQ(stored_size(), 5000U);
}

TEST_F(Contents, EndBeforeTheLargestOffset) {
    auto contents = open(0);
    EXPECT_EQ(contents.write(~std::uint64_t{0}, as_bytes("x")).error(), EFBIG);
    EXPECT_EQ(contents.resize(~std::uint64_t{0}).error(), EFBIG);
    EXPECT_EQ(stored_size(), 0U);
}

}  // namespace
}  // namespace ecryptfs::fuse
