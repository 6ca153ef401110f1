// SPDX-License-Identifier: Apache-2.0
//
// The agent's log: the journal with fields where it runs as a service, lines on stderr without them
// where it runs in a terminal. No line holds a secret or a file key.

#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "agent/runtime/time_source.h"

namespace ecryptfs::agent {

// syslog's levels.
enum class Priority : std::uint8_t { kError = 3, kWarning = 4, kNotice = 5, kInfo = 6 };

// A journal field: ECRYPTFS_SIGNATURE, ECRYPTFS_MODULE, ECRYPTFS_ERROR (docs/architecture.md).
struct LogField {
    std::string_view name;
    std::string_view value;
};

void log_line(Priority priority, std::string_view message,
              std::initializer_list<LogField> fields = {});

// Allows `burst` lines in each period and counts the rest, so that thousands of failing requests do
// not write thousands of lines.
class LogLimit {
  public:
    explicit LogLimit(std::uint32_t burst = 10,
                      std::chrono::seconds period = std::chrono::seconds(30))
        : burst_(burst), period_(period) {}

    // Whether a line may be written now. When a new period begins, first writes how many lines the
    // last one left out.
    bool allows(Clock::time_point now);

  private:
    std::uint32_t burst_;
    std::chrono::seconds period_;
    std::optional<Clock::time_point> period_start_;
    std::uint32_t written_ = 0;
    std::uint64_t left_out_ = 0;
};

}  // namespace ecryptfs::agent
