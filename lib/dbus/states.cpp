// SPDX-License-Identifier: Apache-2.0

#include "lib/dbus/states.h"

#include <algorithm>
#include <array>
#include <utility>

namespace ecryptfs::dbus {
namespace {

constexpr std::string_view kOpen = "Open";

// By the number of the state.
constexpr auto kKeyStates = std::to_array<std::string_view>(
    {"unopened", "unlocked", "locked", "expired", "revoked", "missing", "unusable"});
static_assert(kKeyStates.size() == std::to_underlying(KeyState::kUnusable) + 1U);

}  // namespace

std::string_view state_name(KeyState state) {
    return kKeyStates.at(std::to_underlying(state));
}

KeyState parse_key_state(std::string_view text) {
    const auto* found = std::ranges::find(kKeyStates, text);
    return found == kKeyStates.end() ? KeyState::kUnusable
                                     : static_cast<KeyState>(found - kKeyStates.begin());
}

std::string_view state_name(const DeviceState& state) {
    return state.error ? base::traits(*state.error).name : kOpen;
}

DeviceState parse_device_state(std::string_view text) {
    if (text == kOpen) {
        return kDeviceOpen;
    }
    return {base::error_code_from_name(text).value_or(base::ErrorCode::kInternal)};
}

}  // namespace ecryptfs::dbus
