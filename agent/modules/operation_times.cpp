// SPDX-License-Identifier: Apache-2.0

#include "agent/modules/operation_times.h"

#include <algorithm>

namespace ecryptfs::agent {
namespace {

constexpr Clock::duration kLeast = kLeastOperationLimit;
constexpr Clock::duration kGreatest = kGreatestOperationLimit;
// The usual time is an average of about this many.
constexpr int kRecent = 8;

}  // namespace

void OperationTimes::add(Clock::duration time) {
    usual_ += (time - usual_) / kRecent;
    limit_ = std::clamp(std::max(limit_ - limit_ / kRecent, 2 * time), kLeast, kGreatest);
}

void OperationTimes::extend_limit() {
    limit_ = std::min(2 * limit_, kGreatest);
}

}  // namespace ecryptfs::agent
