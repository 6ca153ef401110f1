// SPDX-License-Identifier: Apache-2.0

#include "pki-modules/host/system_calls.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <initializer_list>
#include <utility>

#include "lib/base/handle.h"

namespace ecryptfs::pki {
namespace {

using base::Result;

// Newer than libseccomp 2.5; numbers since Linux 5.1 are those of all architectures.
constexpr int kFchmodat2 = 452;
constexpr int kSetxattrat = 463;
constexpr int kRemovexattrat = 466;
constexpr int kOpenTreeAttr = 467;
constexpr int kFileSetattr = 469;

// A condition on an argument, of which the kernel looks at the lower half only where it is an int.
constexpr std::uint64_t kInt = 0xffffffff;
scmp_arg_cmp masked(unsigned argument, std::uint64_t mask, std::uint64_t value) {
    return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}
scmp_arg_cmp is(unsigned argument, std::uint64_t value) {
    return masked(argument, kInt, value);
}
scmp_arg_cmp is_not(unsigned argument, std::uint64_t value) {
    return {argument, SCMP_CMP_NE, value, 0};
}

// A filter that is being made.
class Refusals {
  public:
    Refusals() : filter_(::seccomp_init(SCMP_ACT_ALLOW)) {
        // The calls of another ABI of the processor have other numbers.
        note(::seccomp_attr_set(filter_.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(EPERM)));
        // A sandbox around us, such as an older unit of the agent, may keep the call that this
        // takes. This thread is bound anyhow, and there should be no other yet.
        static_cast<void>(::seccomp_attr_set(filter_.get(), SCMP_FLTATR_CTL_TSYNC, 1));
    }

    void always(std::initializer_list<int> calls) {
        for (const int call : calls) {
            note(::seccomp_rule_add_array(filter_.get(), SCMP_ACT_ERRNO(EPERM), call, 0, nullptr));
        }
    }

    void when(int call, std::initializer_list<scmp_arg_cmp> conditions) {
        note(::seccomp_rule_add_array(filter_.get(), SCMP_ACT_ERRNO(EPERM), call,
                                      static_cast<unsigned>(conditions.size()),
                                      conditions.begin()));
    }

    // As an old kernel does, so that the C library takes an older call, whose flags a filter sees.
    void unknown(int call) {
        note(::seccomp_rule_add_array(filter_.get(), SCMP_ACT_ERRNO(ENOSYS), call, 0, nullptr));
    }

    Result<void> apply() {
        note(failure_ == 0 ? ::seccomp_load(filter_.get()) : 0);
        if (failure_ != 0) {
            return std::unexpected(base::system_error(base::ErrorCode::kModuleFailed,
                                                      "the filter of system calls", -failure_));
        }
        return {};
    }

  private:
    void note(int result) {
        if (result < 0 && failure_ == 0) {
            failure_ = result;
        }
    }

    base::Handle<void, ::seccomp_release> filter_;
    int failure_ = 0;
};

// Where clone() has its flags.
#ifdef __s390__
constexpr unsigned kCloneFlags = 1;
#else
constexpr unsigned kCloneFlags = 0;
#endif

// A user name space of its own would make a process root in there, with more kernel to attack.
void refuse_name_spaces(Refusals& refuse) {
    refuse.always({SCMP_SYS(unshare), SCMP_SYS(setns)});
    refuse.unknown(SCMP_SYS(clone3));
    for (const auto kind : std::initializer_list<std::uint64_t>{
             CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER,
             CLONE_NEWUTS}) {
        refuse.when(SCMP_SYS(clone), {masked(kCloneFlags, kind, kind)});
    }
}

// Landlock does some of it, where there is one.
void refuse_other_processes(Refusals& refuse) {
    refuse.always({SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev),
                   SCMP_SYS(process_madvise), SCMP_SYS(process_mrelease), SCMP_SYS(pidfd_getfd),
                   SCMP_SYS(kcmp), SCMP_SYS(move_pages), SCMP_SYS(migrate_pages),
                   SCMP_SYS(perf_event_open), SCMP_SYS(setpriority), SCMP_SYS(ioprio_set),
                   SCMP_SYS(sched_setaffinity), SCMP_SYS(sched_setattr), SCMP_SYS(sched_setparam),
                   SCMP_SYS(sched_setscheduler)});
    refuse.when(SCMP_SYS(prlimit64), {is_not(0, 0)});
    // Typing into the terminal of who runs ecryptfsctl.
    refuse.when(SCMP_SYS(ioctl), {is(1, TIOCSTI)});
    refuse.when(SCMP_SYS(ioctl), {is(1, TIOCLINUX)});
    // To be read by others again, or to live on without the agent.
    refuse.when(SCMP_SYS(prctl), {is(0, PR_SET_DUMPABLE), is_not(1, 0)});
    refuse.when(SCMP_SYS(prctl), {is(0, PR_SET_PTRACER)});
    refuse.when(SCMP_SYS(prctl), {is(0, PR_SET_PDEATHSIG), is_not(1, SIGKILL)});
}

// Keyrings hold tokens and mount passphrases. For the rest root's rights are needed, which
// ecryptfsctl may have, or it is a part of the kernel in which more faults are found than in
// others.
void refuse_the_system(Refusals& refuse) {
    refuse.always({SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(keyctl)});
    refuse.always({SCMP_SYS(mount), SCMP_SYS(umount), SCMP_SYS(umount2), SCMP_SYS(pivot_root),
                   SCMP_SYS(chroot), SCMP_SYS(fsopen), SCMP_SYS(fsconfig), SCMP_SYS(fsmount),
                   SCMP_SYS(fspick), SCMP_SYS(move_mount), SCMP_SYS(open_tree), kOpenTreeAttr,
                   SCMP_SYS(mount_setattr), SCMP_SYS(open_by_handle_at), SCMP_SYS(quotactl),
                   SCMP_SYS(quotactl_fd), SCMP_SYS(swapon), SCMP_SYS(swapoff)});
    refuse.always({SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module),
                   SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load), SCMP_SYS(reboot),
                   SCMP_SYS(acct), SCMP_SYS(syslog), SCMP_SYS(settimeofday),
                   SCMP_SYS(clock_settime), SCMP_SYS(clock_settime64), SCMP_SYS(sethostname),
                   SCMP_SYS(setdomainname), SCMP_SYS(iopl), SCMP_SYS(ioperm)});
    // What is asked for by io_uring passes no filter.
    refuse.always({SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register),
                   SCMP_SYS(bpf), SCMP_SYS(userfaultfd)});
}

void refuse_sockets(Refusals& refuse, const ModuleNeeds& needs) {
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
            refuse.when(SCMP_SYS(socket), {is(0, family)});
        }
    }
    refuse.when(SCMP_SYS(socket), {{0, SCMP_CMP_GE, kMoreThanFamilies, 0}});
    if (!needs.local_services) {
        refuse.always({SCMP_SYS(shmget), SCMP_SYS(shmat), SCMP_SYS(semget), SCMP_SYS(msgget),
                       SCMP_SYS(mq_open), SCMP_SYS(mq_unlink)});
        if (!needs.network) {
            refuse.always({SCMP_SYS(socketcall)});  // whose arguments a filter does not see
        }
    }
}

// Landlock alone leaves out permissions, owners, attributes and times of files and, at first, their
// truncation; and there may be none.
void refuse_writing(Refusals& refuse) {
    refuse.always({SCMP_SYS(creat), SCMP_SYS(truncate), SCMP_SYS(truncate64), SCMP_SYS(mkdir),
                   SCMP_SYS(mkdirat), SCMP_SYS(mknod), SCMP_SYS(mknodat), SCMP_SYS(rmdir),
                   SCMP_SYS(unlink), SCMP_SYS(unlinkat), SCMP_SYS(rename), SCMP_SYS(renameat),
                   SCMP_SYS(renameat2), SCMP_SYS(link), SCMP_SYS(linkat), SCMP_SYS(symlink),
                   SCMP_SYS(symlinkat)});
    refuse.always({SCMP_SYS(chmod),
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
}

void refuse_opening(Refusals& refuse, const ModuleNeeds& needs) {
    refuse.unknown(SCMP_SYS(openat2));  // its flags are in memory
    for (const auto& [call, flags] :
         {std::pair{SCMP_SYS(open), 1U}, std::pair{SCMP_SYS(openat), 2U}}) {
        refuse.when(call, {masked(flags, O_CREAT, O_CREAT)});
        refuse.when(call, {masked(flags, O_TRUNC, O_TRUNC)});
        if (!needs.devices) {
            refuse.when(call, {masked(flags, O_WRONLY, O_WRONLY)});
            refuse.when(call, {masked(flags, O_RDWR, O_RDWR)});
        }
    }
}

// And, since there are no children to be ended, signals to others.
void refuse_programs(Refusals& refuse) {
    refuse.always({SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork)});
    refuse.when(SCMP_SYS(clone), {masked(kCloneFlags, CLONE_THREAD, 0)});
    const auto self = static_cast<std::uint64_t>(::getpid());
    for (const int call : {SCMP_SYS(kill), SCMP_SYS(tgkill), SCMP_SYS(rt_sigqueueinfo),
                           SCMP_SYS(rt_tgsigqueueinfo)}) {
        refuse.when(call, {is_not(0, self)});
    }
    refuse.always({SCMP_SYS(tkill), SCMP_SYS(pidfd_send_signal)});
}

}  // namespace

Result<void> refuse_calls_to_all_modules() {
    Refusals refuse;
    refuse_name_spaces(refuse);
    refuse_other_processes(refuse);
    refuse_the_system(refuse);
    return refuse.apply();
}

Result<void> refuse_calls_beyond(const ModuleNeeds& needs) {
    Refusals refuse;
    refuse_sockets(refuse, needs);
    if (!needs.files) {
        refuse_writing(refuse);
        refuse_opening(refuse, needs);
    }
    if (!needs.programs) {
        refuse_programs(refuse);
    }
    return refuse.apply();
}

}  // namespace ecryptfs::pki
