// SPDX-License-Identifier: Apache-2.0
//
// Properties as they come off the bus, still without meaning. The code that gives them meaning can
// be tested without a bus.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "lib/base/error.h"

struct sd_bus_message;

namespace ecryptfs::cli {

using Counts = std::map<std::string, std::uint64_t>;

// A program that asks the agent for file keys itself, such as ecryptfs-fuse.
struct AgentChannel {
    std::uint64_t number = 0;
    std::uint64_t client_pid = 0;
    std::uint64_t received = 0;
    std::uint64_t answered = 0;
    std::uint64_t failed = 0;

    bool operator==(const AgentChannel&) const = default;
};
using AgentChannels = std::vector<AgentChannel>;

// The types that the agent's interfaces use. Properties of other types are skipped.
using PropertyValue = std::variant<std::string, std::int64_t, std::uint64_t, Counts, AgentChannels>;
using Properties = std::map<std::string, PropertyValue>;

struct BusObject {
    std::string path;
    std::map<std::string, Properties> interfaces;
};

// The property; an empty value if the agent does not have it, or if it is of another type.
template <typename T>
T property(const Properties& properties, const std::string& name) {
    const auto found = properties.find(name);
    if (found == properties.end() || !std::holds_alternative<T>(found->second)) {
        return T{};
    }
    return std::get<T>(found->second);
}

// The reply of Properties.GetAll: a{sv}.
base::Result<Properties> read_properties(sd_bus_message* message);
// The reply of ObjectManager.GetManagedObjects: a{oa{sa{sv}}}.
base::Result<std::vector<BusObject>> read_managed_objects(sd_bus_message* message);

// The error for a reply that the interface's description does not allow.
base::Error malformed_reply();

}  // namespace ecryptfs::cli
