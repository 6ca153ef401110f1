// SPDX-License-Identifier: Apache-2.0

#include "lib/dbus/bus_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "lib/base/verb_advice.h"
#include "lib/dbus/names.h"

namespace ecryptfs::dbus {
namespace {

using base::ErrorCode;

constexpr char kStartAdvice[] =
    "start it: systemctl --user start ecryptfs-agent, or run ecryptfs-agent in a terminal";
constexpr char kLookAdvice[] =
    "see why: journalctl --user -u ecryptfs-agent, or run ecryptfs-agent in a terminal";

constexpr auto kNotRunning = std::to_array<std::string_view>({
    "org.freedesktop.DBus.Error.ServiceUnknown",
    "org.freedesktop.DBus.Error.NameHasNoOwner",
});

// libsystemd's errors for a broken connection to the bus.
constexpr auto kBusGone = std::to_array<std::string_view>({
    "org.freedesktop.DBus.Error.Disconnected",
    "org.freedesktop.DBus.Error.NoServer",
    "System.Error.ECONNRESET",
    "System.Error.ENOTCONN",
    "System.Error.EPIPE",
});

constexpr auto kOtherVersion = std::to_array<std::string_view>({
    "org.freedesktop.DBus.Error.UnknownMethod",
    "org.freedesktop.DBus.Error.UnknownInterface",
    "org.freedesktop.DBus.Error.UnknownProperty",
});

template <std::size_t Size>
bool has_name(const std::array<std::string_view, Size>& names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
}

// For errors of the bus or systemd that mean: there is no agent. Nothing for other errors.
std::optional<base::Error> no_agent(std::string_view name, std::string_view text) {
    if (has_name(kNotRunning, name)) {
        return base::Error{ErrorCode::kNoAgent, "the agent is not running", kStartAdvice};
    }
    // The peer left before it answered.
    if (name == "org.freedesktop.DBus.Error.NoReply") {
        return base::Error{ErrorCode::kNoAgent, "the agent ended before it answered", kLookAdvice};
    }
    if (name.starts_with("org.freedesktop.DBus.Error.Spawn.") ||
        name.starts_with("org.freedesktop.systemd1.")) {
        return base::Error{ErrorCode::kNoAgent,
                           fmt::format("the agent cannot be started: {}", text), kLookAdvice};
    }
    return std::nullopt;
}

}  // namespace

std::string bus_error_name(ErrorCode code) {
    return fmt::format("{}{}", kErrorPrefix, base::traits(code).name);
}

std::string bus_error_text(const base::Error& error) {
    return error.advice.empty() ? error.message
                                : fmt::format("{}\n{}", error.message, error.advice);
}

base::Error error_from_bus(std::string_view name, std::string_view text) {
    if (name.starts_with(kErrorPrefix)) {
        const auto code = base::error_code_from_name(name.substr(sizeof(kErrorPrefix) - 1));
        const auto line_end = text.find('\n');
        const bool has_advice = line_end != std::string_view::npos;
        return {code.value_or(ErrorCode::kInternal), std::string(text.substr(0, line_end)),
                has_advice ? std::string(text.substr(line_end + 1)) : ""};
    }
    if (auto error = no_agent(name, text)) {
        return *std::move(error);
    }
    if (name == "org.freedesktop.DBus.Error.UnknownObject") {
        return {ErrorCode::kUnknownKey, "the agent does not know this key",
                base::list_keys_advice()};
    }
    if (has_name(kBusGone, name)) {
        return {ErrorCode::kNoBus,
                fmt::format("the connection to the D-Bus user bus broke: {}", text),
                "try again, in a session that has a user bus"};
    }
    // An error of libsystemd, not of a peer.
    if (name == "org.freedesktop.DBus.Error.Timeout") {
        return {ErrorCode::kTimedOut, "the agent did not answer in time",
                base::agent_status_advice()};
    }
    if (has_name(kOtherVersion, name)) {
        return {ErrorCode::kNotSupported,
                fmt::format("the agent does not know this call: {}", text),
                "restart it after an upgrade: systemctl --user restart ecryptfs-agent"};
    }
    if (name == "org.freedesktop.DBus.Error.AccessDenied") {
        return {ErrorCode::kAccessDenied, std::string(text)};
    }
    return {ErrorCode::kInternal, fmt::format("{}: {}", name, text)};
}

}  // namespace ecryptfs::dbus
