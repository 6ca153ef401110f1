// SPDX-License-Identifier: Apache-2.0

#include "lib/confinement/harmless_calls.h"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/ioctl.h>

#include <initializer_list>

namespace ecryptfs::confinement {
namespace {

// Unknown to libseccomp 2.5. Since Linux 5.1 all architectures share the numbers of new calls.
constexpr int kCachestat = 451;
constexpr int kMapShadowStack = 453;
constexpr int kFutexWake = 454;
constexpr int kFutexWait = 455;
constexpr int kFutexRequeue = 456;
constexpr int kMseal = 462;

void allow_memory(CallFilter& filter) {
    filter.allow({SCMP_SYS(brk),
                  SCMP_SYS(mmap),
                  SCMP_SYS(mmap2),
                  SCMP_SYS(munmap),
                  SCMP_SYS(mprotect),
                  SCMP_SYS(mremap),
                  SCMP_SYS(madvise),
                  SCMP_SYS(mincore),
                  SCMP_SYS(msync),
                  SCMP_SYS(mlock),
                  SCMP_SYS(mlock2),
                  SCMP_SYS(munlock),
                  SCMP_SYS(mlockall),
                  SCMP_SYS(munlockall),
                  SCMP_SYS(membarrier),
                  SCMP_SYS(pkey_alloc),
                  SCMP_SYS(pkey_free),
                  SCMP_SYS(pkey_mprotect),
                  SCMP_SYS(memfd_create),
                  SCMP_SYS(memfd_secret),
                  SCMP_SYS(get_mempolicy),
                  SCMP_SYS(mbind),
                  SCMP_SYS(set_mempolicy),
                  kMapShadowStack,
                  kMseal});
}

// And processes: another filter limits which may be made.
void allow_threads(CallFilter& filter) {
    filter.allow({SCMP_SYS(clone),
                  SCMP_SYS(exit),
                  SCMP_SYS(exit_group),
                  SCMP_SYS(futex),
                  SCMP_SYS(futex_time64),
                  SCMP_SYS(futex_waitv),
                  kFutexWake,
                  kFutexWait,
                  kFutexRequeue,
                  SCMP_SYS(set_robust_list),
                  SCMP_SYS(set_tid_address),
                  SCMP_SYS(set_thread_area),
                  SCMP_SYS(get_thread_area),
                  SCMP_SYS(arch_prctl),
                  SCMP_SYS(rseq),
                  SCMP_SYS(sched_yield),
                  SCMP_SYS(sched_getaffinity),
                  SCMP_SYS(sched_getparam),
                  SCMP_SYS(sched_getscheduler),
                  SCMP_SYS(getcpu),
                  SCMP_SYS(getpriority),
                  SCMP_SYS(prctl)});
    filter.allow({SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
                  SCMP_SYS(rt_sigpending), SCMP_SYS(rt_sigsuspend), SCMP_SYS(rt_sigtimedwait),
                  SCMP_SYS(rt_sigtimedwait_time64), SCMP_SYS(sigaltstack), SCMP_SYS(sigreturn),
                  SCMP_SYS(pause), SCMP_SYS(kill), SCMP_SYS(tgkill), SCMP_SYS(rt_sigqueueinfo),
                  SCMP_SYS(rt_tgsigqueueinfo), SCMP_SYS(restart_syscall), SCMP_SYS(wait4),
                  SCMP_SYS(waitid)});
    filter.allow(
        {SCMP_SYS(getpid),    SCMP_SYS(getppid),    SCMP_SYS(gettid),      SCMP_SYS(getpgrp),
         SCMP_SYS(getpgid),   SCMP_SYS(getsid),     SCMP_SYS(getuid),      SCMP_SYS(geteuid),
         SCMP_SYS(getresuid), SCMP_SYS(getgid),     SCMP_SYS(getegid),     SCMP_SYS(getresgid),
         SCMP_SYS(getgroups), SCMP_SYS(getuid32),   SCMP_SYS(geteuid32),   SCMP_SYS(getresuid32),
         SCMP_SYS(getgid32),  SCMP_SYS(getegid32),  SCMP_SYS(getresgid32), SCMP_SYS(getgroups32),
         SCMP_SYS(getrlimit), SCMP_SYS(ugetrlimit), SCMP_SYS(prlimit64),   SCMP_SYS(getrusage),
         SCMP_SYS(times),     SCMP_SYS(capget),     SCMP_SYS(uname),       SCMP_SYS(sysinfo),
         SCMP_SYS(getrandom)});
}

void allow_time(CallFilter& filter) {
    filter.allow({SCMP_SYS(time),
                  SCMP_SYS(gettimeofday),
                  SCMP_SYS(clock_gettime),
                  SCMP_SYS(clock_gettime64),
                  SCMP_SYS(clock_getres),
                  SCMP_SYS(clock_getres_time64),
                  SCMP_SYS(nanosleep),
                  SCMP_SYS(clock_nanosleep),
                  SCMP_SYS(clock_nanosleep_time64),
                  SCMP_SYS(alarm),
                  SCMP_SYS(setitimer),
                  SCMP_SYS(getitimer),
                  SCMP_SYS(timer_create),
                  SCMP_SYS(timer_settime),
                  SCMP_SYS(timer_settime64),
                  SCMP_SYS(timer_gettime),
                  SCMP_SYS(timer_gettime64),
                  SCMP_SYS(timer_getoverrun),
                  SCMP_SYS(timer_delete),
                  SCMP_SYS(timerfd_create),
                  SCMP_SYS(timerfd_settime),
                  SCMP_SYS(timerfd_settime64),
                  SCMP_SYS(timerfd_gettime),
                  SCMP_SYS(timerfd_gettime64)});
}

// Another filter limits how files are opened. No locks and no watches, which others would notice.
void allow_reading_files(CallFilter& filter) {
    filter.allow({SCMP_SYS(open),
                  SCMP_SYS(openat),
                  SCMP_SYS(stat),
                  SCMP_SYS(stat64),
                  SCMP_SYS(lstat),
                  SCMP_SYS(lstat64),
                  SCMP_SYS(fstat),
                  SCMP_SYS(fstat64),
                  SCMP_SYS(newfstatat),
                  SCMP_SYS(fstatat64),
                  SCMP_SYS(statx),
                  SCMP_SYS(statfs),
                  SCMP_SYS(statfs64),
                  SCMP_SYS(fstatfs),
                  SCMP_SYS(fstatfs64),
                  SCMP_SYS(access),
                  SCMP_SYS(faccessat),
                  SCMP_SYS(faccessat2),
                  SCMP_SYS(readlink),
                  SCMP_SYS(readlinkat),
                  SCMP_SYS(getdents),
                  SCMP_SYS(getdents64),
                  SCMP_SYS(getcwd),
                  SCMP_SYS(chdir),
                  SCMP_SYS(fchdir),
                  SCMP_SYS(umask),
                  SCMP_SYS(getxattr),
                  SCMP_SYS(lgetxattr),
                  SCMP_SYS(fgetxattr),
                  SCMP_SYS(listxattr),
                  SCMP_SYS(llistxattr),
                  SCMP_SYS(flistxattr),
                  SCMP_SYS(lseek),
                  SCMP_SYS(_llseek),
                  SCMP_SYS(pread64),
                  SCMP_SYS(preadv),
                  SCMP_SYS(preadv2),
                  SCMP_SYS(fadvise64),
                  SCMP_SYS(fadvise64_64),
                  SCMP_SYS(readahead),
                  kCachestat});
}

// Without sendmsg() and sendmmsg(), which could pass descriptors on.
void allow_descriptors(CallFilter& filter) {
    filter.allow(
        {SCMP_SYS(read),        SCMP_SYS(readv),       SCMP_SYS(write),      SCMP_SYS(writev),
         SCMP_SYS(pwrite64),    SCMP_SYS(pwritev),     SCMP_SYS(pwritev2),   SCMP_SYS(close),
         SCMP_SYS(close_range), SCMP_SYS(dup),         SCMP_SYS(dup2),       SCMP_SYS(dup3),
         SCMP_SYS(pipe),        SCMP_SYS(pipe2),       SCMP_SYS(eventfd),    SCMP_SYS(eventfd2),
         SCMP_SYS(ftruncate),   SCMP_SYS(ftruncate64), SCMP_SYS(recv),       SCMP_SYS(recvfrom),
         SCMP_SYS(recvmsg),     SCMP_SYS(send),        SCMP_SYS(sendto),     SCMP_SYS(shutdown),
         SCMP_SYS(getsockopt),  SCMP_SYS(getsockname), SCMP_SYS(getpeername)});
    filter.allow({SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(ppoll_time64), SCMP_SYS(select),
                  SCMP_SYS(_newselect), SCMP_SYS(pselect6), SCMP_SYS(pselect6_time64),
                  SCMP_SYS(epoll_create), SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl),
                  SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2)});
    constexpr int kAddSeals = F_ADD_SEALS;
    for (const int call : {SCMP_SYS(fcntl), SCMP_SYS(fcntl64)}) {
        for (const int command : {F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD, F_DUPFD_CLOEXEC,
                                  F_GETPIPE_SZ, F_GET_SEALS, kAddSeals}) {
            filter.allow_matching(call, {equals(1, static_cast<std::uint64_t>(command))});
        }
    }
    for (const int request : {TCGETS, FIONREAD, FIONBIO, FIOCLEX, FIONCLEX}) {
        filter.allow_matching(SCMP_SYS(ioctl), {equals(1, static_cast<std::uint64_t>(request))});
    }
}

}  // namespace

void allow_harmless_calls(CallFilter& filter) {
    allow_memory(filter);
    allow_threads(filter);
    allow_time(filter);
    allow_reading_files(filter);
    allow_descriptors(filter);
    // Where several filters refuse, the last one chooses the error.
    filter.refuse_as_unknown(SCMP_SYS(clone3));
    filter.refuse_as_unknown(SCMP_SYS(openat2));
}

}  // namespace ecryptfs::confinement
