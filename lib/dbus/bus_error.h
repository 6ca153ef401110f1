// SPDX-License-Identifier: Apache-2.0
//
// How an Error travels in a D-Bus error: its name is kErrorPrefix + the table's name, its text the
// message, with the advice as a second line if there is one.

#pragma once

#include <string>
#include <string_view>

#include "lib/base/error.h"

namespace ecryptfs::dbus {

std::string bus_error_name(base::ErrorCode code);
std::string bus_error_text(const base::Error& error);

// The Error that a D-Bus error stands for, also for errors of the bus itself and of other peers:
// an agent that cannot be started is kNoAgent, an unknown object under the keys' path kUnknownKey.
base::Error error_from_bus(std::string_view name, std::string_view text);

}  // namespace ecryptfs::dbus
