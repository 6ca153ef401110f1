// SPDX-License-Identifier: Apache-2.0

#include "cli/agent/bus_values.h"

#include <fmt/format.h>

#include <optional>
#include <string_view>
#include <utility>

#include "lib/dbus/message.h"
#include "lib/dbus/names.h"

namespace ecryptfs::cli {
namespace {

AgentChannels read_channels(dbus::MessageReader& reader) {
    AgentChannels channels;
    reader.read_list(dbus::kChannelFields, [&] {
        AgentChannel channel;
        channel.number = reader.read_number<std::uint32_t>();
        channel.client_pid = reader.read_number<std::uint32_t>();
        channel.received = reader.read_number<std::uint64_t>();
        channel.answered = reader.read_number<std::uint64_t>();
        channel.failed = reader.read_number<std::uint64_t>();
        channels.push_back(channel);
    });
    return channels;
}

std::optional<PropertyValue> read_value(dbus::MessageReader& reader, std::string_view type) {
    if (type == "s") {
        return reader.read_text();
    }
    if (type == "t") {
        return reader.read_number<std::uint64_t>();
    }
    if (type == "u") {
        return std::uint64_t{reader.read_number<std::uint32_t>()};
    }
    if (type == "i") {
        return std::int64_t{reader.read_number<std::int32_t>()};
    }
    if (type == "a{st}") {
        Counts counts;
        reader.read_dictionary("st", [&] {
            const auto name = reader.read_text();
            counts[name] = reader.read_number<std::uint64_t>();
        });
        return counts;
    }
    if (type == fmt::format("a({})", dbus::kChannelFields)) {
        return read_channels(reader);
    }
    return std::nullopt;
}

Properties read_properties(dbus::MessageReader& reader) {
    Properties properties;
    reader.read_dictionary("sv", [&] {
        const auto name = reader.read_text();
        reader.read_variant([&](std::string_view type) {
            auto value = read_value(reader, type);
            const bool is_known = value.has_value();
            if (is_known) {
                properties.emplace(name, std::move(*value));
            }
            return is_known;
        });
    });
    return properties;
}

}  // namespace

base::Error malformed_reply() {
    return {base::ErrorCode::kInternal, "the agent's reply does not have the documented form",
            "see that ecryptfsctl and ecryptfs-agent are of the same version"};
}

base::Result<Properties> read_properties(sd_bus_message* message) {
    dbus::MessageReader reader(message);
    auto properties = read_properties(reader);
    if (!reader.ok()) {
        return std::unexpected(malformed_reply());
    }
    return properties;
}

base::Result<std::vector<BusObject>> read_managed_objects(sd_bus_message* message) {
    dbus::MessageReader reader(message);
    std::vector<BusObject> objects;
    reader.read_dictionary("oa{sa{sv}}", [&] {
        BusObject object{.path = reader.read_path(), .interfaces = {}};
        reader.read_dictionary("sa{sv}", [&] {
            const auto interface = reader.read_text();
            object.interfaces[interface] = read_properties(reader);
        });
        objects.push_back(std::move(object));
    });
    if (!reader.ok()) {
        return std::unexpected(malformed_reply());
    }
    return objects;
}

}  // namespace ecryptfs::cli
