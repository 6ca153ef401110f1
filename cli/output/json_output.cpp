// SPDX-License-Identifier: Apache-2.0

#include "cli/output/json_output.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <numeric>

#include "cli/output/json_text.h"

namespace ecryptfs::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& json) {
    return json_text(json) + "\n";
}

// "2026-03-01T13:05:09Z", which jq's fromdate reads; null for never.
Json utc_time(std::uint64_t usec) {
    if (usec == 0) {
        return nullptr;
    }
    const auto seconds = static_cast<std::time_t>(usec / 1'000'000);
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(seconds));
}

Json number_or_null(std::uint64_t number) {
    return number == 0 ? Json(nullptr) : Json(number);
}

Json text_or_null(const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
}

Json latency_json(const Latency& latency) {
    return {{"median_usec", number_or_null(latency.median_usec)},
            {"p99_usec", number_or_null(latency.p99_usec)}};
}

Json key_json(const AgentKey& key) {
    return {{"signature", key.signature},
            {"module", key.module},
            {"locator", key.locator},
            {"state", dbus::state_name(key.state)},
            {"serial", key.serial == 0 ? Json(nullptr) : Json(key.serial)},
            {"keyring", text_or_null(key.keyring)},
            {"expires", utc_time(key.expires_usec)},
            {"answered", key.answered},
            {"failed", key.failed},
            {"latency", latency_json(key.latency)}};
}

Json module_json(const AgentModule& module) {
    return {{"name", module.name},
            {"version", text_or_null(module.version)},
            {"description", text_or_null(module.description)},
            {"host_pid", number_or_null(module.host_pid)},
            {"host_started", utc_time(module.host_started_usec)},
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
            {"opened", utc_time(error.is_null() ? manager.device_opened_usec : 0)},
            {"losses", manager.device_losses},
            {"error", error}};
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

Json item_json(const TokenItem& item) {
    Json properties = Json::object();
    for (const auto& [name, value] : item.properties) {
        properties[name] = value;
    }
    return {{"module", item.module},
            {"uri", item.uri},
            {"label", text_or_null(item.label)},
            {"properties", properties}};
}

Json signatures_json(std::span<const wire::KeySignature> signatures) {
    Json list = Json::array();
    for (const auto& signature : signatures) {
        list.push_back(signature.text());
    }
    return list;
}

Json mount_json(const MountedFolder& mount) {
    return {{"lower", mount.lower},
            {"upper", mount.upper},
            {"keys", signatures_json(mount.options.keys)},
            {"name_keys", signatures_json(mount.options.name_keys)},
            {"cipher", mount.options.cipher},
            {"key_bytes", mount.options.key_bytes},
            {"read_only", mount.options.read_only},
            {"xattr", mount.options.xattr},
            {"passthrough", mount.options.passthrough},
            {"encrypted_view", mount.options.encrypted_view},
            {"unlink_keys", mount.options.unlink_keys}};
}

Json timeout_json(const keyring::TokenPlace& place) {
    return place.timeout ? Json(place.timeout->count()) : Json(nullptr);
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

std::string added_key_json(const AddedKey& added) {
    return text_of({{"signature", added.signature},
                    {"module", added.location.module},
                    {"locator", added.location.locator},
                    {"keyring", keyring::keyring_name(added.place.keyring)},
                    {"serial", added.serial.value},
                    {"timeout_seconds", timeout_json(added.place)},
                    {"warnings", added.warnings}});
}

std::string added_passphrase_json(const AddedPassphrase& added) {
    const bool names = !added.fnek_signature.empty();
    return text_of({{"signature", added.signature},
                    {"serial", added.serial.value},
                    {"fnek_signature", text_or_null(added.fnek_signature)},
                    {"fnek_serial", names ? Json(added.fnek_serial.value) : Json(nullptr)},
                    {"keyring", keyring::keyring_name(added.place.keyring)},
                    {"timeout_seconds", timeout_json(added.place)},
                    {"warnings", added.warnings}});
}

std::string wrapped_file_json(const std::string& file, int version) {
    return text_of({{"file", file}, {"version", version}});
}

std::string made_key_json(const pki::KeyLocation& key) {
    return text_of({{"module", key.module}, {"locator", key.locator}});
}

std::string item_list_json(const std::string& name, std::span<const TokenItem> items) {
    return text_of({{name, list_json(items, item_json)}});
}

std::string key_list_json(std::span<const AgentKey> keys) {
    return text_of({{"keys", list_json(keys, key_json)}});
}

std::string removed_key_json(const std::string& signature,
                             std::span<const keyring::Keyring> keyrings) {
    Json names = Json::array();
    for (const keyring::Keyring keyring : keyrings) {
        names.push_back(keyring::keyring_name(keyring));
    }
    return text_of({{"signature", signature}, {"removed_from", names}});
}

std::string locked_keys_json(std::span<const std::string> signatures) {
    return text_of({{"locked", std::vector(signatures.begin(), signatures.end())}});
}

std::string unlocked_key_json(const std::string& signature) {
    return text_of({{"unlocked", signature}});
}

std::string findings_json(std::span<const Finding> findings) {
    Json links = Json::array();
    for (const auto& finding : findings) {
        links.push_back({{"link", finding.link},
                         {"health", name_of(finding.health)},
                         {"message", finding.message},
                         {"advice", text_or_null(finding.advice)}});
    }
    return text_of({{"links", std::move(links)}});
}

std::string status_json(const ManagerState& manager, const AgentObjects& objects,
                        std::span<const MountedFolder> mounts) {
    return text_of({{"agent", {{"version", manager.version}, {"pid", manager.pid}}},
                    {"device", device_json(manager)},
                    {"kernel",
                     {{"feature_mask", manager.kernel_features},
                      {"features", feature_names(manager.kernel_features)}}},
                    {"queue", queue_json(manager)},
                    {"modules", list_json(std::span(objects.modules), module_json)},
                    {"keys", list_json(std::span(objects.keys), key_json)},
                    {"mounts", list_json(mounts, mount_json)}});
}

}  // namespace ecryptfs::cli
