// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace ecryptfs::cli {

// A bar on standard error, if that is a terminal, for work that takes longer than a second. Whoever
// prints another line to standard error calls clear() first.
class Progress {
  public:
    // `doing`: "decrypting". `total` is of the same unit as advance()'s steps.
    Progress(std::string doing, std::uint64_t total);
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    ~Progress() { clear(); }

    void advance(std::uint64_t steps);
    std::uint64_t done() const { return done_; }
    void clear();

    // Whether anybody sees the bar. If not, the total need not be found.
    static bool is_visible();

  private:
    using Clock = std::chrono::steady_clock;

    void draw() const;

    std::string doing_;
    std::uint64_t total_;
    std::uint64_t done_ = 0;
    Clock::time_point next_ = Clock::now() + std::chrono::seconds(1);
    bool visible_;
    bool drawn_ = false;
};

// "[======              ]  31 %", `width` characters between the brackets.
std::string bar(std::uint64_t done, std::uint64_t total, std::size_t width);

}  // namespace ecryptfs::cli
