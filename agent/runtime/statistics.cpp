// SPDX-License-Identifier: Apache-2.0

#include "agent/runtime/statistics.h"

#include <algorithm>
#include <bit>

namespace ecryptfs::agent {

void LatencyHistogram::add(std::chrono::microseconds latency) {
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(latency.count(), 0));
    ++counts_.at(find_bucket(value));
    ++total_;
}

std::chrono::microseconds LatencyHistogram::percentile(unsigned percent) const {
    if (total_ == 0) {
        return std::chrono::microseconds(0);
    }
    const std::uint64_t rank = std::max<std::uint64_t>(1, (total_ * percent + 99) / 100);
    std::uint64_t seen = 0;
    std::size_t bucket = 0;
    while (bucket < kBuckets - 1 && (seen += counts_.at(bucket)) < rank) {
        ++bucket;
    }
    return std::chrono::microseconds(bucket_middle(bucket));
}

// Values below kSubBuckets have a bucket each. Above, a power of two is split into kSubBuckets: the
// three bits after the leading one say which.
std::size_t LatencyHistogram::find_bucket(std::uint64_t value) {
    if (value < kSubBuckets) {
        return static_cast<std::size_t>(value);
    }
    const auto shift = static_cast<std::size_t>(std::bit_width(value)) - 4;
    const std::size_t bucket = (shift + 1) * kSubBuckets + ((value >> shift) & (kSubBuckets - 1));
    return std::min(bucket, kBuckets - 1);
}

std::uint64_t LatencyHistogram::bucket_middle(std::size_t bucket) {
    if (bucket < kSubBuckets) {
        return bucket;
    }
    const std::size_t shift = bucket / kSubBuckets - 1;
    const std::uint64_t low = (kSubBuckets + bucket % kSubBuckets) << shift;
    return low + (std::uint64_t{1} << shift) / 2;
}

}  // namespace ecryptfs::agent
