// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/host/system_calls.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <initializer_list>
#include <utility>

#include "lib/base/try.h"
#include "lib/confinement/call_filter.h"
#include "lib/confinement/harmless_calls.h"

namespace ecryptfs::pki {
namespace {

using base::ErrorCode;
using base::Result;
using confinement::CallFilter;
using confinement::differs;
using confinement::equals;
using confinement::masked;

// Unknown to libseccomp 2.5. Since Linux 5.1 all architectures share the numbers of new calls.
constexpr int kFchmodat2 = 452;
constexpr int kSetxattrat = 463;
constexpr int kRemovexattrat = 466;
constexpr int kOpenTreeAttr = 467;
constexpr int kFileSetattr = 469;

// The argument of clone() that has the flags.
#ifdef __s390__
constexpr unsigned kCloneFlags = 1;
#else
constexpr unsigned kCloneFlags = 0;
#endif

// In a user name space of its own a process is root, and can attack more of the kernel.
void refuse_name_spaces(CallFilter& filter) {
    filter.refuse({SCMP_SYS(unshare), SCMP_SYS(setns)});
    filter.refuse_as_unknown(SCMP_SYS(clone3));
    for (const auto kind : std::initializer_list<std::uint64_t>{
             CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER,
             CLONE_NEWUTS}) {
        filter.refuse_matching(SCMP_SYS(clone), {masked(kCloneFlags, kind, kind)});
    }
}

// Landlock does some of this, where the kernel has it.
void refuse_other_processes(CallFilter& filter) {
    filter.refuse({SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev),
                   SCMP_SYS(process_madvise), SCMP_SYS(process_mrelease), SCMP_SYS(pidfd_getfd),
                   SCMP_SYS(kcmp), SCMP_SYS(move_pages), SCMP_SYS(migrate_pages),
                   SCMP_SYS(perf_event_open), SCMP_SYS(setpriority), SCMP_SYS(ioprio_set),
                   SCMP_SYS(sched_setaffinity), SCMP_SYS(sched_setattr), SCMP_SYS(sched_setparam),
                   SCMP_SYS(sched_setscheduler)});
    filter.refuse_matching(SCMP_SYS(prlimit64), {differs(0, 0)});
    // These type into the terminal of whoever runs ecryptfsctl.
    filter.refuse_matching(SCMP_SYS(ioctl), {equals(1, TIOCSTI)});
    filter.refuse_matching(SCMP_SYS(ioctl), {equals(1, TIOCLINUX)});
    // These have the kernel send signals for us: to the owner of a descriptor, or to whoever opens
    // a file that we have a lease on, and then waits for us.
    for (const int call : {SCMP_SYS(fcntl), SCMP_SYS(fcntl64)}) {
        for (const int command : {F_SETOWN, F_SETOWN_EX, F_SETSIG, F_SETLEASE, F_NOTIFY}) {
            filter.refuse_matching(call, {equals(1, static_cast<std::uint64_t>(command))});
        }
    }
    filter.refuse_matching(SCMP_SYS(ioctl), {equals(1, FIOSETOWN)});
    filter.refuse_matching(SCMP_SYS(ioctl), {equals(1, SIOCSPGRP)});
    // Our children must end with us: the agent kills our process group.
    filter.refuse({SCMP_SYS(setsid), SCMP_SYS(setpgid)});
    filter.refuse_matching(SCMP_SYS(clone), {masked(kCloneFlags, CLONE_PARENT, CLONE_PARENT)});
    // These let others read our memory again, or let us outlive the agent.
    filter.refuse_matching(SCMP_SYS(prctl), {equals(0, PR_SET_DUMPABLE), differs(1, 0)});
    filter.refuse_matching(SCMP_SYS(prctl), {equals(0, PR_SET_PTRACER)});
    filter.refuse_matching(SCMP_SYS(prctl), {equals(0, PR_SCHED_CORE)});
    filter.refuse_matching(SCMP_SYS(prctl), {equals(0, PR_SET_PDEATHSIG), differs(1, SIGKILL)});
}

// Keyrings hold tokens and mount passphrases. The other calls need root's rights, which ecryptfsctl
// may have, or reach parts of the kernel that have more faults than others.
void refuse_the_system(CallFilter& filter) {
    filter.refuse({SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(keyctl)});
    filter.refuse({SCMP_SYS(mount), SCMP_SYS(umount), SCMP_SYS(umount2), SCMP_SYS(pivot_root),
                   SCMP_SYS(chroot), SCMP_SYS(fsopen), SCMP_SYS(fsconfig), SCMP_SYS(fsmount),
                   SCMP_SYS(fspick), SCMP_SYS(move_mount), SCMP_SYS(open_tree), kOpenTreeAttr,
                   SCMP_SYS(mount_setattr), SCMP_SYS(open_by_handle_at), SCMP_SYS(quotactl),
                   SCMP_SYS(quotactl_fd), SCMP_SYS(swapon), SCMP_SYS(swapoff)});
    filter.refuse({SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module),
                   SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load), SCMP_SYS(reboot),
                   SCMP_SYS(acct), SCMP_SYS(syslog), SCMP_SYS(settimeofday),
                   SCMP_SYS(clock_settime), SCMP_SYS(clock_settime64), SCMP_SYS(sethostname),
                   SCMP_SYS(setdomainname), SCMP_SYS(iopl), SCMP_SYS(ioperm)});
    // Requests by io_uring bypass filters.
    filter.refuse({SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register),
                   SCMP_SYS(bpf), SCMP_SYS(userfaultfd)});
}

void refuse_sockets(CallFilter& filter, const ModuleNeeds& needs) {
    const auto allowed = [&](unsigned family) {
        switch (family) {
            case AF_UNIX:
                return needs.local_services;
            case AF_INET:
            case AF_INET6:
                return needs.network;
            case AF_NETLINK:  // udev's messages; the addresses that this machine has
                return needs.network || needs.devices;
            default:
                return false;
        }
    };
    constexpr unsigned kMoreThanFamilies = 64;
    for (unsigned family = 0; family < kMoreThanFamilies; ++family) {
        if (!allowed(family)) {
            filter.refuse_matching(SCMP_SYS(socket), {equals(0, family)});
        }
    }
    filter.refuse_matching(SCMP_SYS(socket), {{0, SCMP_CMP_GE, kMoreThanFamilies, 0}});
    if (!needs.local_services) {
        // Also the calls that take an identifier, which anybody can guess.
        filter.refuse({SCMP_SYS(ipc), SCMP_SYS(shmget), SCMP_SYS(shmat), SCMP_SYS(shmctl),
                       SCMP_SYS(shmdt), SCMP_SYS(semget), SCMP_SYS(semop), SCMP_SYS(semtimedop),
                       SCMP_SYS(semtimedop_time64), SCMP_SYS(semctl), SCMP_SYS(msgget),
                       SCMP_SYS(msgsnd), SCMP_SYS(msgrcv), SCMP_SYS(msgctl)});
        filter.refuse({SCMP_SYS(mq_open), SCMP_SYS(mq_unlink), SCMP_SYS(mq_timedsend),
                       SCMP_SYS(mq_timedsend_time64), SCMP_SYS(mq_timedreceive),
                       SCMP_SYS(mq_timedreceive_time64), SCMP_SYS(mq_notify),
                       SCMP_SYS(mq_getsetattr)});
        if (!needs.network) {
            filter.refuse({SCMP_SYS(socketcall)});  // whose arguments a filter does not see
        }
    }
}

// Landlock does not cover permissions, owners, attributes and times of files, nor at first their
// truncation; and a kernel may lack it.
void refuse_writing(CallFilter& filter) {
    filter.refuse({SCMP_SYS(creat), SCMP_SYS(truncate), SCMP_SYS(truncate64), SCMP_SYS(mkdir),
                   SCMP_SYS(mkdirat), SCMP_SYS(mknod), SCMP_SYS(mknodat), SCMP_SYS(rmdir),
                   SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(rename), SCMP_SYS(renameat),
                   SCMP_SYS(renameat2), SCMP_SYS(link), SCMP_SYS(linkat), SCMP_SYS(symlink),
                   SCMP_SYS(symlinkat)});
    filter.refuse({SCMP_SYS(chmod),
                   SCMP_SYS(fchmod),
                   SCMP_SYS(fchmodat),
                   kFchmodat2,
                   SCMP_SYS(chown),
                   SCMP_SYS(fchown),
                   SCMP_SYS(lchown),
                   SCMP_SYS(fchownat),
                   SCMP_SYS(chown32),
                   SCMP_SYS(fchown32),
                   SCMP_SYS(lchown32),
                   SCMP_SYS(setxattr),
                   SCMP_SYS(lsetxattr),
                   SCMP_SYS(fsetxattr),
                   kSetxattrat,
                   SCMP_SYS(removexattr),
                   SCMP_SYS(lremovexattr),
                   SCMP_SYS(fremovexattr),
                   kRemovexattrat,
                   kFileSetattr,
                   SCMP_SYS(utime),
                   SCMP_SYS(utimes),
                   SCMP_SYS(utimensat),
                   SCMP_SYS(utimensat_time64),
                   SCMP_SYS(futimesat)});
    for (const int call : {SCMP_SYS(fcntl), SCMP_SYS(fcntl64)}) {
        filter.refuse_matching(call, {equals(1, F_SET_RW_HINT)});
    }
}

// Requests that change files or whole file systems through a descriptor that may only read, by the
// letter in bits 8 to 15 (ioctl-number.rst): FS_IOC_SETFLAGS, FS_IOC_FSSETXATTR, and those of FAT,
// NILFS, OCFS2, Btrfs (FICLONE and others share its letter), CIFS, FUSE and F2FS.
constexpr auto kFileLetters =
    std::to_array<std::uint64_t>({0x00, 'X', 'f', 'n', 'o', 'r', 'v', 0x94, 0xcf, 0xe5, 0xf5});

// A module without a device may only ask how much there is to read ('T') and, if it needs the
// network, about that.
void refuse_requests(CallFilter& filter, const ModuleNeeds& needs) {
    constexpr std::uint64_t kLetterMask = 0xff00;
    constexpr std::uint64_t kSocketLetter = 0x89;
    const auto is_allowed = [&](std::uint64_t letter) {
        return needs.devices ? std::ranges::find(kFileLetters, letter) == kFileLetters.end()
                             : letter == 'T' || (letter == kSocketLetter && needs.network);
    };
    for (std::uint64_t letter = 0; letter <= 0xff; ++letter) {
        if (!is_allowed(letter)) {
            filter.refuse_matching(SCMP_SYS(ioctl), {masked(1, kLetterMask, letter << 8)});
        }
    }
}

void refuse_opening(CallFilter& filter, const ModuleNeeds& needs) {
    filter.refuse_as_unknown(SCMP_SYS(openat2));  // its flags are in memory
    for (const auto& [call, flags] :
         {std::pair{SCMP_SYS(open), 1U}, std::pair{SCMP_SYS(openat), 2U}}) {
        filter.refuse_matching(call, {masked(flags, O_CREAT, O_CREAT)});
        filter.refuse_matching(call, {masked(flags, O_TRUNC, O_TRUNC)});
        filter.refuse_matching(call, {masked(flags, O_TMPFILE, O_TMPFILE)});
        if (!needs.devices && !needs.tpm) {
            filter.refuse_matching(call, {masked(flags, O_WRONLY, O_WRONLY)});
            filter.refuse_matching(call, {masked(flags, O_RDWR, O_RDWR)});
        }
    }
}

// Also refuses signals to others: a process without children has none to end.
void refuse_programs(CallFilter& filter) {
    filter.refuse({SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork)});
    filter.refuse_matching(SCMP_SYS(clone), {masked(kCloneFlags, CLONE_THREAD, 0)});
    const auto self = static_cast<std::uint64_t>(::getpid());
    for (const int call : {SCMP_SYS(kill), SCMP_SYS(tgkill), SCMP_SYS(rt_sigqueueinfo),
                           SCMP_SYS(rt_tgsigqueueinfo)}) {
        filter.refuse_matching(call, {differs(0, self)});
    }
    filter.refuse({SCMP_SYS(tkill), SCMP_SYS(pidfd_send_signal)});
}

// For a module that needs nothing. All other system calls fail, even those of future kernels.
Result<void> allow_only_harmless_calls() {
    CallFilter filter(CallFilter::Unlisted::kRefused);
    confinement::allow_harmless_calls(filter);
    return filter.apply(ErrorCode::kModuleFailed);
}

}  // namespace

Result<void> refuse_common_calls() {
    CallFilter filter(CallFilter::Unlisted::kAllowed);
    refuse_name_spaces(filter);
    refuse_other_processes(filter);
    refuse_the_system(filter);
    return filter.apply(ErrorCode::kModuleFailed);
}

Result<void> refuse_unneeded_calls(const ModuleNeeds& needs) {
    CallFilter filter(CallFilter::Unlisted::kAllowed);
    refuse_sockets(filter, needs);
    if (!needs.files) {
        refuse_writing(filter);
        refuse_opening(filter, needs);
        refuse_requests(filter, needs);
    }
    if (!needs.programs) {
        refuse_programs(filter);
    }
    TRY(filter.apply(ErrorCode::kModuleFailed));
    return needs == ModuleNeeds{} ? allow_only_harmless_calls() : base::Result<void>();
}

}  // namespace ecryptfs::pki
