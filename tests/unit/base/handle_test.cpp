// SPDX-License-Identifier: Apache-2.0

#include "lib/base/handle.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "tests/unit/support.h"

namespace ecryptfs::base {
namespace {

struct Counted {
    int freed = 0;
};

void free_counted(Counted* object) {
    ++object->freed;
}

UniqueFd open_something() {
    return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}

TEST(Handle, FreesObjectOnce) {
    Counted object;
    {
        Handle<Counted, free_counted> handle(&object);
        const auto moved = std::move(handle);
        EXPECT_EQ(moved.get(), &object);
    }
    EXPECT_EQ(object.freed, 1);
}

TEST(UniqueFd, IsEmptyAtFirst) {
    const UniqueFd none;
    EXPECT_FALSE(none);
    EXPECT_EQ(none.get(), -1);
}

TEST(UniqueFd, DestructorClosesDescriptor) {
    int fd = -1;
    {
        const UniqueFd owner = open_something();
        fd = owner.get();
        ASSERT_TRUE(is_open(fd));
    }
    EXPECT_FALSE(is_open(fd));
}

TEST(UniqueFd, MoveHandsDescriptorOver) {
    UniqueFd first = open_something();
    const int fd = first.get();
    UniqueFd second = std::move(first);
    EXPECT_EQ(second.get(), fd);
    EXPECT_EQ(second.release(), fd);
    EXPECT_FALSE(second);
    EXPECT_TRUE(is_open(fd));
    second.reset(fd);
}

TEST(UniqueFd, AssignmentClosesOldDescriptor) {
    UniqueFd owner = open_something();
    const int old = owner.get();
    owner = open_something();
    EXPECT_TRUE(owner);
    EXPECT_NE(owner.get(), old);
    EXPECT_FALSE(is_open(old));
}

TEST(UniqueFd, ResetWithSameDescriptorKeepsIt) {
    UniqueFd owner = open_something();
    owner.reset(owner.get());
    EXPECT_TRUE(is_open(owner.get()));
}

}  // namespace
}  // namespace ecryptfs::base
