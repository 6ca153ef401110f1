// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <string_view>
#include <thread>

namespace ecryptfs::vm {

// For anything: the guest is slow, and its host may be busy.
inline constexpr std::chrono::milliseconds kPatience{30'000};

// Waits for a condition; fails the test when it does not come true.
template <typename Condition>
bool wait_until(std::string_view what, Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) {
            ADD_FAILURE() << "waited in vain until " << what;
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return true;
}

}  // namespace ecryptfs::vm
