// SPDX-License-Identifier: Apache-2.0

#include "cli/agent/key_list.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "cli/output/json_text.h"
#include "cli/output/output.h"

namespace ecryptfs::cli {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

std::string key_list_text(std::span<const AgentKey> keys) {
    if (keys.empty()) {
        return kNoKeys;
    }
    Table table({"SIGNATURE", "MODULE", "STATE", "EXPIRES", "LOCATOR"});
    for (const auto& key : keys) {
        table.add_row({key.signature, key.module, state_cell(key.state),
                       local_time(key.expires_usec), key.locator});
    }
    return table.text();
}

Cell state_cell(dbus::KeyState state) {
    const bool is_waiting = state == dbus::KeyState::kLocked || state == dbus::KeyState::kUnopened;
    return {std::string(dbus::state_name(state)), state == dbus::KeyState::kUnlocked ? Mood::kGood
                                                  : is_waiting ? Mood::kWaiting
                                                               : Mood::kBad};
}

std::string key_list_json(std::span<const AgentKey> keys) {
    Json list = Json::array();
    for (const auto& key : keys) {
        list.push_back(key_json(key));
    }
    return json_line({{"keys", list}});
}

Json key_json(const AgentKey& key) {
    return {{"signature", key.signature},
            {"module", key.module},
            {"locator", key.locator},
            {"state", dbus::state_name(key.state)},
            {"serial", key.serial == 0 ? Json(nullptr) : Json(key.serial)},
            {"keyring", text_or_null(key.keyring)},
            {"expires", utc_time_json(key.expires_usec)},
            {"answered", key.answered},
            {"failed", key.failed},
            {"latency", latency_json(key.latency)}};
}

Json latency_json(const Latency& latency) {
    return {{"median_usec", number_or_null(latency.median_usec)},
            {"p99_usec", number_or_null(latency.p99_usec)}};
}

Json utc_time_json(std::uint64_t usec) {
    if (usec == 0) {
        return nullptr;
    }
    const auto seconds = static_cast<std::time_t>(usec / 1'000'000);
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(seconds));
}

}  // namespace ecryptfs::cli
