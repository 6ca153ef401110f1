// SPDX-License-Identifier: Apache-2.0

#include <nlohmann/json.hpp>
#include <numeric>

#include "cli/agent/key_list.h"
#include "cli/mount/json.h"
#include "cli/output/json_text.h"
#include "cli/verbs/status_output.h"

namespace ecryptfs::cli {
namespace {

using Json = nlohmann::ordered_json;

Json module_json(const AgentModule& module) {
    return {{"name", module.name},
            {"version", text_or_null(module.version)},
            {"description", text_or_null(module.description)},
            {"host_pid", number_or_null(module.host_pid)},
            {"host_started", utc_time_json(module.host_started_usec)},
            {"restarts", module.restarts},
            {"latency", latency_json(module.latency)}};
}

Json device_json(const ManagerState& manager) {
    Json error = nullptr;
    if (const auto ready = device_ready(manager); !ready) {
        error = {{"name", base::traits(ready.error().code).name},
                 {"message", ready.error().message},
                 {"advice", text_or_null(ready.error().advice)}};
    }
    return {{"path", manager.device_path},
            {"open", error.is_null()},
            {"opened", utc_time_json(error.is_null() ? manager.device_opened_usec : 0)},
            {"losses", manager.device_losses},
            {"error", error}};
}

Json channel_json(const AgentChannel& channel) {
    return {{"number", channel.number},
            {"pid", channel.client_pid},
            {"received", channel.received},
            {"answered", channel.answered},
            {"failed", channel.failed}};
}

Json queue_json(const ManagerState& manager) {
    const auto failed = std::accumulate(
        manager.failed.begin(), manager.failed.end(), std::uint64_t{0},
        [](std::uint64_t sum, const Counts::value_type& reason) { return sum + reason.second; });
    return {{"received", manager.received},
            {"in_flight", manager.in_flight},
            {"answered", manager.answered},
            {"failed", failed},
            {"failed_by_reason", Json(manager.failed)},
            {"stale", manager.stale},
            {"late", manager.late},
            {"malformed", manager.malformed},
            {"oldest_age_usec", manager.oldest_age_usec}};
}

template <typename T>
Json list_json(std::span<const T> items, Json (*item_json)(const T&)) {
    Json list = Json::array();
    for (const T& item : items) {
        list.push_back(item_json(item));
    }
    return list;
}

}  // namespace

std::string status_json(const ManagerState& manager, const AgentObjects& objects,
                        std::span<const MountedFolder> mounts) {
    return json_line({{"agent", {{"version", manager.version}, {"pid", manager.pid}}},
                      {"device", device_json(manager)},
                      {"kernel",
                       {{"feature_mask", manager.kernel_features},
                        {"features", feature_names(manager.kernel_features)}}},
                      {"queue", queue_json(manager)},
                      {"channels", list_json(std::span(manager.channels), channel_json)},
                      {"modules", list_json(std::span(objects.modules), module_json)},
                      {"keys", list_json(std::span(objects.keys), key_json)},
                      {"mounts", list_json(mounts, mount_json)}});
}

}  // namespace ecryptfs::cli
