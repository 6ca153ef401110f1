// SPDX-License-Identifier: Apache-2.0

#include "fuse/rights.h"

#include <fcntl.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "lib/base/try.h"
#include "lib/confinement/call_filter.h"
#include "lib/confinement/harmless_calls.h"
#include "lib/confinement/landlock_rules.h"

namespace ecryptfs::fuse {
namespace {

using base::ErrorCode;
using base::Result;
using confinement::CallFilter;
using confinement::differs;
using confinement::equals;

// Unknown to libseccomp 2.5. Since Linux 5.1 all architectures share the numbers of new calls.
constexpr int kFchmodat2 = 452;

Result<void> limit_files(const base::UniqueFd& lower) {
    constexpr std::uint64_t kBelowLower = confinement::kMakeFiles | confinement::kMakeDevices |
                                          confinement::kReadFiles | confinement::kWriteFiles |
                                          LANDLOCK_ACCESS_FS_READ_DIR;
    confinement::LandlockRules rules(kBelowLower | confinement::kIoctlOnDevice |
                                     LANDLOCK_ACCESS_FS_EXECUTE);
    rules.keep(kBelowLower, lower);
    rules.keep(confinement::kUseFiles, "/dev/null");  // instead of a terminal
    return rules.apply(ErrorCode::kInternal);
}

void allow_changing_files(CallFilter& filter) {
    filter.allow({SCMP_SYS(mkdirat),
                  SCMP_SYS(mknodat),
                  SCMP_SYS(unlinkat),
                  SCMP_SYS(symlinkat),
                  SCMP_SYS(linkat),
                  SCMP_SYS(renameat),
                  SCMP_SYS(renameat2),
                  SCMP_SYS(chmod),
                  SCMP_SYS(fchmod),
                  SCMP_SYS(fchmodat),
                  kFchmodat2,
                  SCMP_SYS(fchownat),
                  SCMP_SYS(utimensat),
                  SCMP_SYS(utimensat_time64),
                  SCMP_SYS(setxattr),
                  SCMP_SYS(fsetxattr),
                  SCMP_SYS(removexattr),
                  SCMP_SYS(fremovexattr),
                  SCMP_SYS(fsync),
                  SCMP_SYS(fdatasync),
                  SCMP_SYS(sync_file_range),
                  SCMP_SYS(fallocate)});
}

// The agent over the bus, when its channel is lost; and passphrase keys, after unlocking.
void allow_finding_keys(CallFilter& filter) {
    filter.allow_matching(SCMP_SYS(socket), {equals(0, AF_UNIX)});
    filter.allow({SCMP_SYS(connect), SCMP_SYS(sendmsg), SCMP_SYS(setsockopt), SCMP_SYS(keyctl)});
}

// fuse/acting_as.h. What the thread may get so is what it has had.
void allow_acting(CallFilter& filter) {
    filter.allow({SCMP_SYS(setfsuid), SCMP_SYS(setfsuid32), SCMP_SYS(setfsgid),
                  SCMP_SYS(setfsgid32), SCMP_SYS(capset)});
}

Result<void> limit_calls(bool serves_others) {
    CallFilter filter(CallFilter::Unlisted::kRefused);
    confinement::allow_harmless_calls(filter);
    allow_changing_files(filter);
    allow_finding_keys(filter);
    if (serves_others) {
        allow_acting(filter);
    }
    return filter.apply(ErrorCode::kInternal);
}

// What a list of calls alone does not tell apart.
Result<void> limit_arguments() {
    CallFilter filter(CallFilter::Unlisted::kAllowed);
    const auto self = static_cast<std::uint64_t>(::getpid());
    for (const int call : {SCMP_SYS(kill), SCMP_SYS(tgkill), SCMP_SYS(rt_sigqueueinfo),
                           SCMP_SYS(rt_tgsigqueueinfo)}) {
        filter.refuse_matching(call, {differs(0, self)});
    }
    filter.refuse_matching(SCMP_SYS(prctl), {equals(0, PR_SET_DUMPABLE), differs(1, 0)});
    filter.refuse_matching(SCMP_SYS(prctl), {equals(0, PR_SET_PTRACER)});
    filter.refuse_matching(SCMP_SYS(prlimit64), {differs(0, 0)});
    return filter.apply(ErrorCode::kInternal);
}

}  // namespace

Result<void> give_up_rights(const base::UniqueFd& lower, bool serves_others) {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return std::unexpected(
            base::system_error(ErrorCode::kInternal, "giving up new privileges", errno));
    }
    TRY(limit_files(lower));
    TRY(limit_arguments());
    return limit_calls(serves_others);
}

}  // namespace ecryptfs::fuse
