// SPDX-License-Identifier: Apache-2.0

#include "cli/output/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "cli/output/output.h"

namespace ecryptfs::cli {
namespace {

constexpr std::size_t kBarWidth = 30;  // with its text in any terminal of 80 columns
constexpr auto kInterval = std::chrono::milliseconds(100);
constexpr char kEraseLine[] = "\r\x1b[K";

}  // namespace

bool Progress::is_visible() {
    return ::isatty(STDERR_FILENO) != 0 && !is_quiet();
}

Progress::Progress(std::string doing, std::uint64_t total)
    : doing_(std::move(doing)), total_(total), visible_(is_visible()) {}

void Progress::advance(std::uint64_t steps) {
    done_ += steps;
    if (visible_ && Clock::now() >= next_) {
        draw();
        drawn_ = true;
        next_ = Clock::now() + kInterval;
    }
}

void Progress::clear() {
    if (drawn_) {
        fmt::print(stderr, "{}", kEraseLine);
        drawn_ = false;
    }
}

void Progress::draw() const {
    fmt::print(stderr, "\r{} {}", doing_, bar(done_, total_, kBarWidth));
    std::fflush(stderr);
}

std::string bar(std::uint64_t done, std::uint64_t total, std::size_t width) {
    const double share =
        total == 0 ? 1.0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    const auto filled = static_cast<std::size_t>(share * static_cast<double>(width));
    return fmt::format("[{}{}] {:3} %", std::string(filled, '='), std::string(width - filled, ' '),
                       static_cast<int>(share * 100));
}

}  // namespace ecryptfs::cli
