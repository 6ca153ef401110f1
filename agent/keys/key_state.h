// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <cstdint>
#include <string_view>

namespace ecryptfs::agent {

// What people are shown of a key.
enum class KeyState : std::uint8_t {
    kUnopened,  // a token that was not needed yet
    kUnlocked,
    kLocked,
    kExpired,
    kRevoked,
    kMissing,
    kUnusable,
};

// As the bus has it.
std::string_view state_name(KeyState state);

}  // namespace ecryptfs::agent
