// SPDX-License-Identifier: Apache-2.0

#include "agent/runtime/handover.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace ecryptfs::agent {
namespace {

base::UniqueFd copy_of(const base::UniqueFd& fd) {
    return base::UniqueFd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
}

// As an agent leaves it.
base::UniqueFd left_over_memory() {
    const Handover handover{base::UniqueFd()};
    return base::UniqueFd(::fcntl(handover.fd(), F_DUPFD_CLOEXEC, 0));
}

// A process that has the memory's lock. It can be held in its end, as by the kernel.
class Holder {
  public:
    explicit Holder(const base::UniqueFd& memory) : pid_(::fork()) {
        if (pid_ == 0) {
            const struct flock whole{
                .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 0, .l_pid = 0};
            ::fcntl(memory.get(), F_SETLK, &whole);
            ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
            ::raise(SIGSTOP);
            ::_exit(0);
        }
        EXPECT_EQ(::waitpid(pid_, nullptr, 0), pid_);
    }
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;
    ~Holder() {
        ::ptrace(PTRACE_DETACH, pid_, nullptr, nullptr);
        ::waitpid(pid_, nullptr, 0);
    }

    void hold_in_its_end() {
        EXPECT_EQ(::ptrace(PTRACE_SETOPTIONS, pid_, nullptr, PTRACE_O_TRACEEXIT), 0);
    }

  private:
    pid_t pid_;
};

TEST(Handover, TakesMemoryOfTheProcessItEnds) {
    const auto memory = left_over_memory();
    const Holder holder(memory);
    Handover next(copy_of(memory));
    EXPECT_TRUE(next.is_inherited());
    EXPECT_EQ(next.keys().locks_all_others, 0U);
}

TEST(Handover, DoesNotWaitForProcessThatNeverEnds) {
    const auto memory = left_over_memory();
    Holder holder(memory);
    holder.hold_in_its_end();
    Handover next(copy_of(memory));
    EXPECT_FALSE(next.is_inherited());
    EXPECT_EQ(next.keys().locks_all_others, 1U);
}

TEST(Handover, LeavesHeldMemoryWhenOnlyFreeIsWanted) {
    const auto memory = left_over_memory();
    const Holder holder(memory);
    EXPECT_THROW(Handover(copy_of(memory), Handover::Claim::kIfFree), base::Failure);
}

}  // namespace
}  // namespace ecryptfs::agent
