// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/kernel/crowd.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <vector>

#include "tests/support/wait.h"
#include "tests/vm/shared.h"

namespace ecryptfs::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Progress {
    std::atomic<int> ready = 0;
    std::atomic<std::uint64_t> steps = 0;
    std::atomic<std::uint64_t> failed = 0;
    std::atomic<Clock::rep> end = 0;  // of the last to end
};

void note_end(Progress& progress) {
    const auto now = Clock::now().time_since_epoch().count();
    auto end = progress.end.load();
    while (end < now && !progress.end.compare_exchange_weak(end, now)) {
    }
}

void take_steps(int process, const std::function<Step(int)>& step, Progress& progress) {
    for (auto outcome = step(process); outcome != Step::kNothingLeft; outcome = step(process)) {
        ++(outcome == Step::kDone ? progress.steps : progress.failed);
    }
    note_end(progress);
}

}  // namespace

Tally& Tally::operator+=(const Tally& other) {
    steps += other.steps;
    failed += other.failed;
    time += other.time;
    return *this;
}

Tally work_of_crowd(const vm::User& user, int processes, const std::function<Step(int)>& step) {
    const vm::Shared<Progress> progress;
    vm::StartLine line;
    std::vector<vm::Process> crowd;
    for (int i = 0; i < processes; ++i) {
        crowd.emplace_back(vm::ChildSetup{.user = user}, [&, i] {
            ++progress->ready;
            line.wait();
            take_steps(i, step, *progress);
            return EXIT_SUCCESS;
        });
    }
    test::wait_until("the crowd is ready", [&] { return progress->ready == processes; });
    const auto start = Clock::now();
    line.go();
    for (auto& process : crowd) {
        EXPECT_EQ(process.wait(), EXIT_SUCCESS);
    }
    const Clock::time_point end{Clock::duration(progress->end)};
    return {progress->steps, progress->failed, end - start};
}

}  // namespace ecryptfs::bench
