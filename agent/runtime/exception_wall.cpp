// SPDX-License-Identifier: Apache-2.0

#include "agent/runtime/exception_wall.h"

#include <fmt/format.h>

#include "agent/runtime/log.h"

namespace ecryptfs::agent {

void log_escaped_exception(const char* what, const char* why) noexcept {
    try {
        log_line(Priority::kError, fmt::format("{} failed: {}", what, why));
    } catch (...) {
    }
}

}  // namespace ecryptfs::agent
