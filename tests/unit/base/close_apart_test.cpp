// SPDX-License-Identifier: Apache-2.0

#include "lib/base/close_apart.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <filesystem>
#include <iterator>

namespace ecryptfs::base {
namespace {

// From this number on, to close a descriptor takes for ever.
constexpr int kFirst = 400;
constexpr int kDescriptors = 100;

bool make_closing_wait() {
    std::array<sock_filter, 6> code = {{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kFirst, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog program{.len = code.size(), .filter = code.data()};
    // Nobody reads from what this gives: who closes waits for an answer.
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
                     &program) >= 0;
}

std::ptrdiff_t thread_count() {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}

TEST(CloseApart, LimitsWaitingThreadsTo64) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        if (!make_closing_wait()) {
            ::_exit(1);
        }
        const auto before = thread_count();
        for (int i = 0; i < kDescriptors; ++i) {
            close_apart(UniqueFd(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, kFirst)));
        }
        ::_exit(thread_count() - before == 64 ? 0 : 2);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace ecryptfs::base
