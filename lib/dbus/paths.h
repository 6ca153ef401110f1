// SPDX-License-Identifier: Apache-2.0
//
// Paths of the objects on the bus.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/wire/key_signature.h"

namespace ecryptfs::dbus {

std::string key_path(const wire::KeySignature& signature);

// The key whose path this is; nothing for other paths.
std::optional<wire::KeySignature> key_at_path(std::string_view path);

std::string module_path(const std::string& module);

}  // namespace ecryptfs::dbus
