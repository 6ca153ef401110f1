// SPDX-License-Identifier: Apache-2.0

#include "cli/agent/state.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "cli/input/command_advice.h"
#include "lib/dbus/names.h"

namespace ecryptfs::cli {
namespace {

struct Feature {
    std::uint64_t bit;
    std::string_view name;
};

// fs/ecryptfs: ECRYPTFS_VERSIONING_*
constexpr auto kFeatures = std::to_array<Feature>({
    {0x1, "passphrase"},
    {0x2, "public-key"},
    {0x4, "plaintext-passthrough"},
    {0x8, "policy"},
    {0x10, "xattr"},
    {0x20, "multiple-keys"},
    {0x40, "device"},
    {0x80, "hmac"},
    {0x100, "filename-encryption"},
    {0x200, "gcm"},
});

std::string text(const Properties& properties, const char* name) {
    return property<std::string>(properties, name);
}

std::uint64_t number(const Properties& properties, const char* name) {
    return property<std::uint64_t>(properties, name);
}

Latency latency(const Properties& properties) {
    return {.median_usec = number(properties, "LatencyMedianUsec"),
            .p99_usec = number(properties, "LatencyP99Usec")};
}

AgentModule agent_module(const Properties& properties) {
    return {.name = text(properties, "Name"),
            .version = text(properties, "Version"),
            .description = text(properties, "Description"),
            .host_pid = number(properties, "HostPid"),
            .host_started_usec = number(properties, "HostStartedUsec"),
            .restarts = number(properties, "Restarts"),
            .latency = latency(properties)};
}

}  // namespace

ManagerState manager_state(const Properties& properties) {
    return {.version = text(properties, "Version"),
            .pid = number(properties, "Pid"),
            .device_path = text(properties, "DevicePath"),
            .device_state = dbus::parse_device_state(text(properties, "DeviceState")),
            .device_message = text(properties, "DeviceMessage"),
            .device_advice = text(properties, "DeviceAdvice"),
            .device_opened_usec = number(properties, "DeviceOpenedUsec"),
            .kernel_features = number(properties, "KernelFeatures"),
            .received = number(properties, "Received"),
            .in_flight = number(properties, "InFlight"),
            .answered = number(properties, "Answered"),
            .failed = property<Counts>(properties, "Failed"),
            .stale = number(properties, "Stale"),
            .late = number(properties, "Late"),
            .malformed = number(properties, "Malformed"),
            .device_losses = number(properties, "DeviceLosses"),
            .oldest_age_usec = number(properties, "OldestAgeUsec"),
            .channels = property<AgentChannels>(properties, "Channels")};
}

AgentKey agent_key(const Properties& properties) {
    return {.signature = text(properties, "Signature"),
            .module = text(properties, "Module"),
            .locator = text(properties, "Locator"),
            .state = dbus::parse_key_state(text(properties, "State")),
            .serial = property<std::int64_t>(properties, "Serial"),
            .keyring = text(properties, "Keyring"),
            .expires_usec = number(properties, "ExpiresUsec"),
            .answered = number(properties, "Answered"),
            .failed = number(properties, "Failed"),
            .latency = latency(properties)};
}

AgentObjects agent_objects(const std::vector<BusObject>& objects) {
    AgentObjects result;
    for (const auto& object : objects) {
        for (const auto& [interface, properties] : object.interfaces) {
            if (interface == dbus::kKeyInterface) {
                result.keys.push_back(agent_key(properties));
            } else if (interface == dbus::kModuleInterface) {
                result.modules.push_back(agent_module(properties));
            }
        }
    }
    std::ranges::sort(result.keys, {}, &AgentKey::signature);
    std::ranges::sort(result.modules, {}, &AgentModule::name);
    return result;
}

base::Result<void> device_ready(const ManagerState& manager) {
    const auto& state = manager.device_state;
    if (!state.error) {
        return {};
    }
    return std::unexpected(base::Error{
        *state.error,
        manager.device_message.empty()
            ? fmt::format("the agent does not hold the device: {}", dbus::state_name(state))
            : manager.device_message,
        manager.device_advice});
}

base::Result<void> key_ready(const AgentKey& key) {
    if (key.state == dbus::KeyState::kUnlocked || key.state == dbus::KeyState::kUnopened) {
        return {};
    }
    const bool is_locked = key.state == dbus::KeyState::kLocked;
    return std::unexpected(
        base::Error{is_locked ? base::ErrorCode::kKeyLocked : base::ErrorCode::kInvalidToken,
                    fmt::format("the agent has the key {} as {}: files would not open",
                                key.signature, dbus::state_name(key.state)),
                    is_locked ? fmt::format("ecryptfsctl unlock {}", key.signature)
                              : add_key_advice(key.locator)});
}

std::vector<std::string> feature_names(std::uint64_t mask) {
    std::vector<std::string> names;
    for (unsigned position = 0; position < 64; ++position) {
        const std::uint64_t bit = std::uint64_t{1} << position;
        if ((mask & bit) == 0) {
            continue;
        }
        const auto known = std::ranges::find(kFeatures, bit, &Feature::bit);
        names.push_back(known == kFeatures.end() ? fmt::format("{:#x}", bit)
                                                 : std::string(known->name));
    }
    return names;
}

}  // namespace ecryptfs::cli
