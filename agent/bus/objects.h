// SPDX-License-Identifier: Apache-2.0

#pragma once

struct sd_bus;

namespace ecryptfs::agent {

class BusService;

// Adds the agent's objects to the bus: the manager, and one for each key and each module in use.
// These are built when somebody asks for them. Borrows both. Gives a negative errno like sd-bus.
int add_bus_objects(sd_bus* bus, BusService& service);

}  // namespace ecryptfs::agent
