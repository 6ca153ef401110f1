// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/wire/auth_token.h"
#include "lib/wire/key_signature.h"

struct sd_bus;

namespace ecryptfs::agent {

class BusService;

// Puts the agent's objects on the bus: the manager, and one for each key and each module in use,
// made up when somebody looks. Borrows both. Gives a negative errno like sd-bus.
int add_bus_objects(sd_bus* bus, BusService& service);

std::string key_path(const wire::KeySignature& signature);
// Nothing for a path that is no key's.
std::optional<wire::KeySignature> signature_in_path(std::string_view path);
std::string module_path(const wire::PkiType& module);

}  // namespace ecryptfs::agent
