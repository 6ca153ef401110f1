// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <numeric>
#include <thread>
#include <vector>

#include "tests/bench/side.h"

namespace ecryptfs::bench {

// Each thread makes a worker of its own and calls it until the time is up; calls a second.
template <std::invocable<> MakeWorker>
double rate_of_threads(unsigned count, Seconds time, const MakeWorker& make_worker) {
    std::vector<std::uint64_t> calls(count);
    const auto start = std::chrono::steady_clock::now();
    {
        std::vector<std::jthread> threads;
        for (auto& done : calls) {
            threads.emplace_back([&] {
                auto worker = make_worker();
                while (std::chrono::steady_clock::now() - start < time) {
                    worker();
                    ++done;
                }
            });
        }
    }
    const Seconds taken = std::chrono::steady_clock::now() - start;
    return static_cast<double>(std::accumulate(calls.begin(), calls.end(), std::uint64_t{0})) /
           taken.count();
}

}  // namespace ecryptfs::bench
