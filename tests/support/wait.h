// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

namespace ecryptfs::test {

// For machines that are emulated or under load, and with sanitizers; nothing takes that long unless
// it hangs.
inline constexpr std::chrono::milliseconds kPatience{30'000};

// Ends the test when the condition does not come true.
template <typename Condition>
void wait_until(std::string_view what, Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) {
            throw std::runtime_error("waited in vain until " + std::string(what));
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

}  // namespace ecryptfs::test
