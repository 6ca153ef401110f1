// SPDX-License-Identifier: Apache-2.0
//
// An Error as a D-Bus error. The name is kErrorPrefix and the name of base::traits(). The text is
// the message, and in a second line the advice if there is any.

#pragma once

#include <string>
#include <string_view>

#include "lib/base/error.h"

namespace ecryptfs::dbus {

std::string bus_error_name(base::ErrorCode code);
std::string bus_error_text(const base::Error& error);

// The Error that a D-Bus error stands for. Also for errors of the bus itself: kNoAgent for an agent
// that cannot be started, kUnknownKey for an object that does not exist.
base::Error error_from_bus(std::string_view name, std::string_view text);

}  // namespace ecryptfs::dbus
