// SPDX-License-Identifier: Apache-2.0

#include "fuse/acting_as.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>

namespace ecryptfs::fuse {
namespace {

using CapabilitySets = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

bool read_capabilities(CapabilitySets& sets) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    return ::syscall(SYS_capget, &header, sets.data()) == 0;
}

// Of this thread alone.
bool set_capabilities(const CapabilitySets& sets) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    return ::syscall(SYS_capset, &header, sets.data()) == 0;
}

// What prepare_acting() finds: each thread has these, but while it acts for somebody.
CapabilitySets own_capabilities{};

constexpr std::uint32_t bit(unsigned number) {
    return std::uint32_t{1} << number;
}

// Not above the rule that who is not in a folder's group makes no set-group-ID file for it; nor
// does it own what others own.
CapabilitySets acting_capabilities() {
    auto sets = own_capabilities;
    sets[0].effective &= ~(bit(CAP_CHOWN) | bit(CAP_FOWNER) | bit(CAP_FSETID));
    return sets;
}

// Both calls say who it was before, not how they went. No user and group have the number -1.
bool set_user(uid_t user) {
    ::setfsuid(user);
    return static_cast<uid_t>(::setfsuid(static_cast<uid_t>(-1))) == user;
}

bool set_group(gid_t group) {
    ::setfsgid(group);
    return static_cast<gid_t>(::setfsgid(static_cast<gid_t>(-1))) == group;
}

}  // namespace

bool has_capability(unsigned number) {
    CapabilitySets sets{};
    return read_capabilities(sets) && (sets.at(number / 32).effective & bit(number % 32)) != 0;
}

bool prepare_acting() {
    return has_capability(CAP_SETUID) && has_capability(CAP_SETGID) &&
           has_capability(CAP_DAC_OVERRIDE) && read_capabilities(own_capabilities) &&
           ::setgroups(0, nullptr) == 0;
}

ActingAs::ActingAs(const std::optional<Requester>& requester)
    : changes_user_(requester && requester->user != ::geteuid()),
      changes_group_(requester && requester->group != ::getegid()) {
    if (changes_group_) {
        succeeded_ = set_group(requester->group);
    }
    if (changes_user_) {  // which takes the capabilities about files away
        succeeded_ =
            succeeded_ && set_user(requester->user) && set_capabilities(acting_capabilities());
    }
}

ActingAs::~ActingAs() {
    if (!changes_user_ && !changes_group_) {
        return;
    }
    const bool is_itself =
        (!changes_user_ || (set_user(::geteuid()) && set_capabilities(own_capabilities))) &&
        (!changes_group_ || set_group(::getegid()));
    // To be somebody else makes a process one that may be dumped where fs.suid_dumpable says so.
    if (!is_itself || ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        std::abort();
    }
}

Outcome<void> ActingAs::outcome() const {
    return succeeded_ ? Outcome<void>() : std::unexpected(EPERM);
}

}  // namespace ecryptfs::fuse
