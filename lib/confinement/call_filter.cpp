// SPDX-License-Identifier: Apache-2.0

#include "lib/confinement/call_filter.h"

#include <seccomp.h>

#include <cerrno>

namespace ecryptfs::confinement {

scmp_arg_cmp masked(unsigned argument, std::uint64_t mask, std::uint64_t value) {
    return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

scmp_arg_cmp equals(unsigned argument, std::uint64_t value) {
    constexpr std::uint64_t kInt = 0xffffffff;
    return masked(argument, kInt, value);
}

scmp_arg_cmp differs(unsigned argument, std::uint64_t value) {
    return {argument, SCMP_CMP_NE, value, 0};
}

void free_filter(void* filter) noexcept {
    ::seccomp_release(filter);
}

CallFilter::CallFilter(Unlisted unlisted)
    : filter_(
          ::seccomp_init(unlisted == Unlisted::kAllowed ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EPERM))) {
    // Another ABI of the processor numbers its calls differently.
    record_failure(
        ::seccomp_attr_set(filter_.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(EPERM)));
    // A sandbox around us, such as an older unit of the agent, may refuse the call that this needs.
    // This thread is bound anyhow, and there should be no other yet.
    static_cast<void>(::seccomp_attr_set(filter_.get(), SCMP_FLTATR_CTL_TSYNC, 1));
}

void CallFilter::allow(std::initializer_list<int> calls) {
    for (const int call : calls) {
        add(SCMP_ACT_ALLOW, call, {});
    }
}

void CallFilter::refuse(std::initializer_list<int> calls) {
    for (const int call : calls) {
        add(SCMP_ACT_ERRNO(EPERM), call, {});
    }
}

void CallFilter::allow_matching(int call, std::initializer_list<scmp_arg_cmp> conditions) {
    add(SCMP_ACT_ALLOW, call, conditions);
}

void CallFilter::refuse_matching(int call, std::initializer_list<scmp_arg_cmp> conditions) {
    add(SCMP_ACT_ERRNO(EPERM), call, conditions);
}

void CallFilter::refuse_as_unknown(int call) {
    add(SCMP_ACT_ERRNO(ENOSYS), call, {});
}

base::Result<void> CallFilter::apply(base::ErrorCode failure) {
    record_failure(failure_ == 0 ? ::seccomp_load(filter_.get()) : 0);
    if (failure_ != 0) {
        return std::unexpected(
            base::system_error(failure, "the filter of system calls", -failure_));
    }
    return {};
}

void CallFilter::add(std::uint32_t action, int call,
                     std::initializer_list<scmp_arg_cmp> conditions) {
    record_failure(::seccomp_rule_add_array(
        filter_.get(), action, call, static_cast<unsigned>(conditions.size()), conditions.begin()));
}

void CallFilter::record_failure(int result) {
    if (result < 0 && failure_ == 0) {
        failure_ = result;
    }
}

}  // namespace ecryptfs::confinement
