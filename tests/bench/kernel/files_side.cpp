// SPDX-License-Identifier: Apache-2.0

#include "tests/bench/kernel/files_side.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <iostream>

#include "tests/bench/kernel/crowd.h"
#include "tests/vm/shared.h"

namespace ecryptfs::bench {
namespace {

using Clock = std::chrono::steady_clock;

// A pass over them should be short beside the time that is measured, and long beside its end, when
// not all openers have something to do.
constexpr std::size_t kFiles = 512;
// To begin one takes longer than what is measured of it, where nobody has an RSA operation to do.
constexpr int kMostPasses = 4;

std::filesystem::path folder_of(const vm::Mount& mount, int process) {
    return mount.upper() / std::to_string(process);
}

// A figure with failures in it is worth little: what is busy with something else fails to answer
// within the kernel's three seconds.
double rate_of(const Tally& tally, const char* what) {
    if (tally.failed > 0) {
        std::cerr << tally.failed << ' ' << what << " failed: is the machine too busy?\n";
    }
    return static_cast<double>(tally.steps) / tally.time.count();
}

}  // namespace

FilesSide::FilesSide(const vm::UserSession& session, const std::string& name,
                     const std::string& key)
    : user_(session.user()), mount_(session, name) {
    mount_.mount(vm::mount_options({key}));
    files_ = vm::make_files(user_, mount_.upper(), kFiles);
}

double FilesSide::opens(int processes, Seconds time) {
    Tally all;
    for (int i = 0; i < kMostPasses && all.time < time; ++i) {
        mount_.mount_anew();
        all += pass(processes, time - all.time, [&](int /*process*/, std::size_t number) {
            return ::open(files_[number].c_str(), O_RDONLY | O_CLOEXEC);
        });
    }
    return rate_of(all, "opens");
}

double FilesSide::creates(int processes, Seconds time) {
    Tally all;
    for (int i = 0; i < kMostPasses && all.time < time; ++i) {
        make_folders(processes);
        all += pass(processes, time - all.time, [&](int process, std::size_t number) {
            const auto file = folder_of(mount_, process) / std::to_string(number);
            return ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        });
    }
    return rate_of(all, "creates");
}

Tally FilesSide::pass(int processes, Seconds time,
                      const std::function<int(int, std::size_t)>& open) const {
    const vm::Shared<std::atomic<std::size_t>> next;
    const auto end = Clock::now() + time;
    return work_of_crowd(user_, processes, [&](int process) {
        const auto mine = (*next)++;
        if (mine >= kFiles || Clock::now() >= end) {
            return Step::kNothingLeft;
        }
        return base::UniqueFd(open(process, mine)) ? Step::kDone : Step::kFailed;
    });
}

void FilesSide::make_folders(int count) {
    for (int i = 0; i < count; ++i) {
        const auto folder = folder_of(mount_, i);
        std::filesystem::remove_all(folder);
        EXPECT_EQ(vm::run_as(user_, [&] { return ::mkdir(folder.c_str(), 0700); }), 0);
    }
}

}  // namespace ecryptfs::bench
