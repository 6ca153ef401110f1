// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <functional>

#include "tests/bench/side.h"
#include "tests/vm/process.h"

namespace ecryptfs::bench {

enum class Step : std::uint8_t {
    kDone,
    kNothingLeft,
    kFailed,
};

struct Tally {
    std::uint64_t steps = 0;  // done
    std::uint64_t failed = 0;
    Seconds time{0};

    Tally& operator+=(const Tally& other);
};

// Processes of a user, which all begin at the same moment and take steps until there is nothing
// left to do; the time is that of the slowest. `step` is given the number of its process and runs
// there: what it changes, it changes for itself.
Tally work_of_crowd(const vm::User& user, int processes, const std::function<Step(int)>& step);

}  // namespace ecryptfs::bench
