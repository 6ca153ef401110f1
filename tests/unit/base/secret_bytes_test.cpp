// SPDX-License-Identifier: Apache-2.0

#include "lib/base/secret_bytes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/base/locked_pool.h"
#include "tests/unit/support.h"

namespace ecryptfs::base {
namespace {

using test::Bytes;
using test::copy;
using test::in_child;
using test::memory_flags;
using test::pattern;
using test::Succeeds;
using testing::IsSupersetOf;

// One that shares a page with others, and one with pages of its own.
class SecretBytesOfSize : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(SmallAndLarge, SecretBytesOfSize,
                         testing::Values(std::size_t{1}, LockedPool::kSlotSize,
                                         LockedPool::kSlotSize + 1, std::size_t{20'000}),
                         testing::PrintToStringParamName());

TEST_P(SecretBytesOfSize, MemoryIsLockedAndNotInDumpsOrForks) {
    const auto secret = SecretBytes::create(GetParam());
    ASSERT_THAT(secret, Succeeds());
    for (const auto* byte : {&secret->view().front(), &secret->view().back()}) {
        EXPECT_THAT(memory_flags(reinterpret_cast<std::uintptr_t>(byte)),
                    IsSupersetOf({"lo", "dd", "wf"}));
    }
}

TEST_P(SecretBytesOfSize, ForkedChildSeesZeros) {
    const Bytes bytes = pattern(GetParam());
    const auto secret = SecretBytes::copy(bytes);
    ASSERT_THAT(secret, Succeeds());
    ASSERT_EQ(copy(secret->view()), bytes);
    EXPECT_EQ(in_child([&] { return to_hex(secret->view()); }), to_hex(Bytes(bytes.size())));
}

TEST_P(SecretBytesOfSize, StartsAsZeros) {
    // The second time it is memory that held something else.
    for (int i = 0; i < 2; ++i) {
        auto secret = SecretBytes::create(GetParam());
        ASSERT_THAT(secret, Succeeds());
        EXPECT_EQ(copy(secret->view()), Bytes(GetParam()));
        std::ranges::fill(secret->span(), 0xff);
    }
}

TEST_P(SecretBytesOfSize, CopyHasItsOwnMemory) {
    const auto secret = SecretBytes::copy(pattern(GetParam()));
    ASSERT_THAT(secret, Succeeds());
    const auto other = SecretBytes::copy(secret->view());
    ASSERT_THAT(other, Succeeds());
    EXPECT_NE(other->view().data(), secret->view().data());
    EXPECT_TRUE(equal_in_constant_time(other->view(), secret->view()));
}

TEST(SecretBytes, DestructorWipesMemory) {
    ByteView memory;
    {
        const auto secret = SecretBytes::copy(pattern(100));
        ASSERT_THAT(secret, Succeeds());
        memory = secret->view();
        ASSERT_EQ(copy(memory), pattern(100));
    }
    // A small secret's page stays mapped for the next one, so it can still be read.
    EXPECT_EQ(copy(memory), Bytes(100));
}

TEST(SecretBytes, AssignmentWipesOldBytes) {
    auto secret = SecretBytes::copy(pattern(10));
    ASSERT_THAT(secret, Succeeds());
    const ByteView old = secret->view();
    *secret = SecretBytes{};
    EXPECT_EQ(copy(old), Bytes(10));
}

TEST(SecretBytes, MovesWithoutCopying) {
    auto secret = SecretBytes::copy(pattern(10));
    ASSERT_THAT(secret, Succeeds());
    const auto* memory = secret->view().data();
    const SecretBytes moved = std::move(*secret);
    EXPECT_EQ(moved.view().data(), memory);
    EXPECT_TRUE(secret->empty());  // NOLINT(bugprone-use-after-move): what is left is specified
}

TEST(SecretBytes, EmptySecretHoldsNoMemory) {
    const auto secret = SecretBytes::create(0);
    ASSERT_THAT(secret, Succeeds());
    EXPECT_TRUE(secret->empty());
    EXPECT_EQ(secret->view().data(), nullptr);
    EXPECT_THAT(SecretBytes::copy(secret->view()), Succeeds());
}

TEST(SecretBytes, ReusesReleasedMemory) {
    std::vector<const std::uint8_t*> places;
    for (int i = 0; i < 1000; ++i) {
        const auto secret = SecretBytes::create(32);
        ASSERT_THAT(secret, Succeeds());
        places.push_back(secret->view().data());
    }
    std::ranges::sort(places);
    EXPECT_EQ(std::ranges::unique(places).begin() - places.begin(), 1);
}

// As an unprivileged user who may lock no memory; root is not bound by that limit.
std::string error_without_memory_lock(const std::function<Result<SecretBytes>()>& allocate) {
    return in_child([&]() -> std::string {
        const rlimit none{.rlim_cur = 0, .rlim_max = 0};
        constexpr uid_t kNobody = 65534;
        if (::setrlimit(RLIMIT_MEMLOCK, &none) != 0 ||
            (::geteuid() == 0 && ::setresuid(kNobody, kNobody, kNobody) != 0)) {
            return "could not set the test up";
        }
        const auto secret = allocate();
        if (secret) {
            return "no error";
        }
        const Error& error = secret.error();
        return std::string(traits(error.code).name) + "; " + error.message + "; " + error.advice;
    });
}

TEST(SecretBytes, AdvisesWhenMemoryCannotBeLocked) {
    const auto error =
        error_without_memory_lock([] { return SecretBytes::create(LockedPool::kSlotSize + 1); });
    EXPECT_THAT(error, testing::StartsWith("MemoryLock; locking memory for a secret: "));
    EXPECT_THAT(error, testing::HasSubstr("; raise the memory-lock limit"));
    EXPECT_THAT(error, testing::HasSubstr("LimitMEMLOCK="));
}

TEST(SecretBytes, NeverFallsBackToUnlockedMemory) {
    const auto error = error_without_memory_lock([]() -> Result<SecretBytes> {
        std::vector<SecretBytes> kept;
        for (int i = 0; i < 10'000; ++i) {
            auto secret = SecretBytes::create(1);
            if (!secret) {
                return secret;
            }
            kept.push_back(std::move(*secret));
        }
        return SecretBytes{};
    });
    EXPECT_THAT(error, testing::StartsWith("MemoryLock; "));
}

TEST(EqualInConstantTime, ComparesSizesAndBytes) {
    const Bytes bytes = pattern(8);
    Bytes other = bytes;
    EXPECT_TRUE(equal_in_constant_time(bytes, other));
    EXPECT_TRUE(equal_in_constant_time({}, {}));
    EXPECT_FALSE(equal_in_constant_time(bytes, ByteView(bytes).first(7)));
    for (auto& byte : other) {
        byte ^= 0x80;
        EXPECT_FALSE(equal_in_constant_time(bytes, other));
        byte ^= 0x80;
    }
}

}  // namespace
}  // namespace ecryptfs::base
