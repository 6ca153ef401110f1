// SPDX-License-Identifier: Apache-2.0

#pragma once

struct sd_bus;

namespace ecryptfs::agent {

class BusService;

// Puts the agent's objects on the bus: the manager, and one for each key and each module in use,
// made up when somebody looks. Borrows both. Gives a negative errno like sd-bus.
int add_bus_objects(sd_bus* bus, BusService& service);

}  // namespace ecryptfs::agent
