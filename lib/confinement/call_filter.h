// SPDX-License-Identifier: Apache-2.0
//
// A seccomp filter for this process's system calls: a thin layer over libseccomp.

#pragma once

#include <cstdint>
#include <initializer_list>

#include "lib/base/error.h"
#include "lib/base/handle.h"

struct scmp_arg_cmp;

namespace ecryptfs::confinement {

// Conditions on an argument, counted from 0. equals() compares the lower half only, which is all
// that the kernel reads of an int.
scmp_arg_cmp masked(unsigned argument, std::uint64_t mask, std::uint64_t value);
scmp_arg_cmp equals(unsigned argument, std::uint64_t value);
scmp_arg_cmp differs(unsigned argument, std::uint64_t value);

void free_filter(void* filter) noexcept;

// A refused call fails with EPERM. If there are several filters, each can refuse.
class CallFilter {
  public:
    enum class Unlisted { kAllowed, kRefused };

    explicit CallFilter(Unlisted unlisted);

    void allow(std::initializer_list<int> calls);
    void refuse(std::initializer_list<int> calls);
    void allow_matching(int call, std::initializer_list<scmp_arg_cmp> conditions);
    void refuse_matching(int call, std::initializer_list<scmp_arg_cmp> conditions);
    // Has the call fail as on an old kernel. Then the C library uses an older call, whose flags a
    // filter can see.
    void refuse_as_unknown(int call);

    // Binds this process for good. Fails with this code if libseccomp or the kernel refuses the
    // filter.
    base::Result<void> apply(base::ErrorCode failure);

  private:
    void add(std::uint32_t action, int call, std::initializer_list<scmp_arg_cmp> conditions);
    void record_failure(int result);

    base::Handle<void, free_filter> filter_;
    int failure_ = 0;
};

}  // namespace ecryptfs::confinement
