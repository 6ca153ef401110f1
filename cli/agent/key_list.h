// SPDX-License-Identifier: Apache-2.0

#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>

#include "cli/agent/state.h"
#include "cli/output/output.h"
#include "lib/dbus/states.h"

namespace ecryptfs::cli {

inline constexpr char kNoKeys[] = "no keys; add one: ecryptfsctl add-key FILE-OR-URI\n";

// A table for people. Its layout may change: scripts take the JSON.
std::string key_list_text(std::span<const AgentKey> keys);

// What list-keys --json prints (docs/json.md).
std::string key_list_json(std::span<const AgentKey> keys);

// The state's name, in its colour.
Cell state_cell(dbus::KeyState state);

nlohmann::ordered_json key_json(const AgentKey& key);
nlohmann::ordered_json latency_json(const Latency& latency);

// "2026-03-01T13:05:09Z", which jq's fromdate reads; null for 0, never. Microseconds.
nlohmann::ordered_json utc_time_json(std::uint64_t usec);

}  // namespace ecryptfs::cli
