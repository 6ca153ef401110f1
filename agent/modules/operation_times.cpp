// SPDX-License-Identifier: Apache-2.0

#include "agent/modules/operation_times.h"

#include <algorithm>

namespace ecryptfs::agent {
namespace {

constexpr Clock::duration kGreatestLimit = std::chrono::seconds(5);
// Of how many the usual time is an average, about.
constexpr int kRecent = 8;

}  // namespace

void OperationTimes::done_after(Clock::duration time) {
    usual_ += (time - usual_) / kRecent;
    limit_ = std::clamp(std::max(limit_ - limit_ / kRecent, 2 * time), kLeastLimit, kGreatestLimit);
}

void OperationTimes::given_up() {
    limit_ = std::min(2 * limit_, kGreatestLimit);
}

}  // namespace ecryptfs::agent
