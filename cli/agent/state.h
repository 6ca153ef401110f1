// SPDX-License-Identifier: Apache-2.0
//
// What the agent says about itself, as values. org.ecryptfs.Agent1.xml documents each.
// Times ending in _usec: points in time of CLOCK_REALTIME in microseconds, 0 for never; ages and
// latencies are spans.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/agent/bus_values.h"
#include "lib/base/error.h"
#include "lib/dbus/states.h"

namespace ecryptfs::cli {

struct Latency {
    std::uint64_t median_usec = 0;
    std::uint64_t p99_usec = 0;
};

struct ManagerState {
    std::string version = {};
    std::uint64_t pid = 0;
    std::string device_path = {};
    dbus::DeviceState device_state = {base::ErrorCode::kInternal};
    std::string device_message = {};
    std::string device_advice = {};
    std::uint64_t device_opened_usec = 0;
    std::uint64_t kernel_features = 0;
    std::uint64_t received = 0;
    std::uint64_t in_flight = 0;
    std::uint64_t answered = 0;
    Counts failed = {};
    std::uint64_t stale = 0;
    std::uint64_t late = 0;
    std::uint64_t malformed = 0;
    std::uint64_t device_losses = 0;
    std::uint64_t oldest_age_usec = 0;
    AgentChannels channels = {};
};

struct AgentKey {
    std::string signature = {};
    std::string module = {};
    std::string locator = {};
    dbus::KeyState state = dbus::KeyState::kMissing;
    std::int64_t serial = 0;
    std::string keyring = {};
    std::uint64_t expires_usec = 0;
    std::uint64_t answered = 0;
    std::uint64_t failed = 0;
    Latency latency = {};
};

struct AgentModule {
    std::string name = {};
    std::string version = {};
    std::string description = {};
    std::uint64_t host_pid = 0;
    std::uint64_t host_started_usec = 0;
    std::uint64_t restarts = 0;
    Latency latency = {};
};

// Sorted by signature and by name.
struct AgentObjects {
    std::vector<AgentKey> keys;
    std::vector<AgentModule> modules;
};

ManagerState manager_state(const Properties& properties);
AgentKey agent_key(const Properties& properties);
AgentObjects agent_objects(const std::vector<BusObject>& objects);

// Success if the device is open; else the agent's reason why it cannot answer the kernel.
base::Result<void> device_ready(const ManagerState& manager);

// Success if files of this key open; else why they do not.
base::Result<void> key_ready(const AgentKey& key);

// The names of the bits of a mask of kernel features, from the lowest; "0x400" for an unknown bit.
std::vector<std::string> feature_names(std::uint64_t mask);

}  // namespace ecryptfs::cli
