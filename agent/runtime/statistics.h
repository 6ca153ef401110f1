// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>

#include "lib/base/error.h"

namespace ecryptfs::agent {

// Counts durations in buckets that are an eighth of a power of two wide. A percentile is within 7 %
// of the true one, in a fixed 2 kB.
class LatencyHistogram {
  public:
    void add(std::chrono::microseconds latency);

    // The value that `percent` of the durations do not exceed; 0 if there are none.
    std::chrono::microseconds percentile(unsigned percent) const;

  private:
    static constexpr std::size_t kSubBuckets = 8;
    static constexpr std::size_t kBuckets = 33 * kSubBuckets;  // up to 2^35 us, nine hours

    static std::size_t find_bucket(std::uint64_t value);
    static std::uint64_t bucket_middle(std::size_t bucket);

    std::array<std::uint64_t, kBuckets> counts_{};
    std::uint64_t total_ = 0;
};

// All requests since the agent was started, by how they ended.
struct RequestCounts {
    std::uint64_t received = 0;
    std::uint64_t answered = 0;
    std::map<base::ErrorCode, std::uint64_t> failed;
    std::uint64_t stale = 0;
    std::uint64_t late = 0;
    std::uint64_t malformed = 0;
};

// The same for one source of requests.
struct SourceCounts {
    std::uint64_t received = 0;
    std::uint64_t answered = 0;
    std::uint64_t failed = 0;
};

// The same for one key or module.
struct KeyCounts {
    std::uint64_t answered = 0;
    std::uint64_t failed = 0;
    LatencyHistogram latency;
};

}  // namespace ecryptfs::agent
