// SPDX-License-Identifier: Apache-2.0
//
// States of keys and of the device, and the texts that they are on the bus.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "lib/base/error.h"

namespace ecryptfs::dbus {

enum class KeyState : std::uint8_t {
    kUnopened,  // a token that was not needed yet
    kUnlocked,
    kLocked,
    kExpired,
    kRevoked,
    kMissing,
    kUnusable,
};

std::string_view state_name(KeyState state);

// kUnusable for a text that is no state's: that of an agent of another version.
KeyState parse_key_state(std::string_view text);

// Whether the agent holds the device.
struct DeviceState {
    std::optional<base::ErrorCode> error = {};  // why not; nothing: it does

    bool operator==(const DeviceState&) const = default;
};
inline constexpr DeviceState kDeviceOpen = {};

// "Open", or the error's name.
std::string_view state_name(const DeviceState& state);

// kInternal for the name of an error that is not known.
DeviceState parse_device_state(std::string_view text);

}  // namespace ecryptfs::dbus
