// SPDX-License-Identifier: Apache-2.0

#include "lib/base/sealed_memfd.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>

#include "tests/unit/support.h"

namespace ecryptfs::base {
namespace {

using test::copy;
using test::FailsWith;
using test::pattern;
using test::Succeeds;

constexpr int kSeals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK;

UniqueFd memfd_of(std::size_t size, int seals) {
    UniqueFd fd(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    EXPECT_EQ(::ftruncate(fd.get(), static_cast<off_t>(size)), 0);
    EXPECT_EQ(::fcntl(fd.get(), F_ADD_SEALS, seals), 0);
    return fd;
}

// Where the memfd is mapped in this process.
std::vector<std::uintptr_t> memfd_mappings() {
    std::vector<std::uintptr_t> found;
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        if (line.find("/memfd:ecryptfs-secret") != std::string::npos) {
            found.push_back(std::stoull(line, nullptr, 16));
        }
    }
    return found;
}

class SealedMemfdOfSize : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(UpToTheLargest, SealedMemfdOfSize,
                         testing::Values(std::size_t{0}, std::size_t{1}, std::size_t{1024},
                                         std::size_t{1025}, kMaxSecretSize),
                         testing::PrintToStringParamName());

TEST_P(SealedMemfdOfSize, ReadsBackWhatWasWritten) {
    const auto memfd = SealedMemfd::create(pattern(GetParam()));
    ASSERT_THAT(memfd, Succeeds());
    const auto secret = read_sealed_memfd(memfd->fd());
    ASSERT_THAT(secret, Succeeds());
    EXPECT_EQ(copy(secret->view()), pattern(GetParam()));
}

TEST_P(SealedMemfdOfSize, CanBeReadTwice) {
    const auto memfd = SealedMemfd::create(pattern(GetParam()));
    ASSERT_THAT(memfd, Succeeds());
    EXPECT_THAT(read_sealed_memfd(memfd->fd()), Succeeds());
    const auto again = read_sealed_memfd(memfd->fd());
    ASSERT_THAT(again, Succeeds());
    EXPECT_EQ(copy(again->view()), pattern(GetParam()));
}

TEST_P(SealedMemfdOfSize, CannotBeChanged) {
    const auto memfd = SealedMemfd::create(pattern(GetParam()));
    ASSERT_THAT(memfd, Succeeds());
    EXPECT_EQ(::pwrite(memfd->fd(), "x", 1, 0), -1);
    EXPECT_EQ(errno, EPERM);
    EXPECT_EQ(::ftruncate(memfd->fd(), static_cast<off_t>(GetParam()) + 1), -1);
}

TEST(SealedMemfd, StaysLockedInMemory) {
    {
        auto memfd = SealedMemfd::create(pattern(10));
        ASSERT_THAT(memfd, Succeeds());
        const SealedMemfd moved = std::move(*memfd);
        const auto mappings = memfd_mappings();
        ASSERT_EQ(mappings.size(), 1U);
        EXPECT_THAT(test::memory_flags(mappings[0]), testing::Contains("lo"));
    }
    EXPECT_TRUE(memfd_mappings().empty());
}

TEST(SealedMemfd, IsClosedOnExec) {
    const auto memfd = SealedMemfd::create(pattern(10));
    ASSERT_THAT(memfd, Succeeds());
    EXPECT_NE(::fcntl(memfd->fd(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(SealedMemfd, RefusesTooLongSecret) {
    EXPECT_THAT(SealedMemfd::create(pattern(kMaxSecretSize + 1)),
                FailsWith(ErrorCode::kInvalidArgument, "longer than 4096 bytes"));
}

TEST(ReadSealedMemfd, RefusesTooLargeMemfd) {
    const UniqueFd fd = memfd_of(kMaxSecretSize + 1, kSeals);
    EXPECT_THAT(read_sealed_memfd(fd.get()),
                FailsWith(ErrorCode::kInvalidArgument, "holds too much"));
}

TEST(ReadSealedMemfd, RefusesMissingSeal) {
    for (const int missing : {F_SEAL_WRITE, F_SEAL_GROW, F_SEAL_SHRINK, kSeals}) {
        const UniqueFd fd = memfd_of(10, kSeals & ~missing);
        EXPECT_THAT(read_sealed_memfd(fd.get()),
                    FailsWith(ErrorCode::kInvalidArgument, "is not a sealed memfd"));
    }
}

TEST(ReadSealedMemfd, RefusesPipeWithoutReadingIt) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const UniqueFd reader(ends[0]);
    const UniqueFd writer(ends[1]);
    EXPECT_THAT(read_sealed_memfd(reader.get()),
                FailsWith(ErrorCode::kInvalidArgument, "is not a sealed memfd"));
}

TEST(ReadSealedMemfd, RefusesOrdinaryFiles) {
    const UniqueFd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(file);
    EXPECT_THAT(read_sealed_memfd(file.get()),
                FailsWith(ErrorCode::kInvalidArgument, "is not a sealed memfd"));
    const UniqueFd shared_memory(::open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    ASSERT_TRUE(shared_memory);
    EXPECT_THAT(read_sealed_memfd(shared_memory.get()),
                FailsWith(ErrorCode::kInvalidArgument, "is not a sealed memfd"));
}

TEST(ReadSealedMemfd, RefusesInvalidDescriptor) {
    const auto secret = read_sealed_memfd(-1);
    EXPECT_THAT(secret, FailsWith(ErrorCode::kInvalidArgument, "is not a sealed memfd"));
    EXPECT_THAT(secret.error().advice, testing::HasSubstr("send a memfd"));
}

}  // namespace
}  // namespace ecryptfs::base
