// SPDX-License-Identifier: Apache-2.0

#include "lib/ipc/bus_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lib/ipc/names.h"

namespace ecryptfs::ipc {
namespace {

using base::ErrorCode;

constexpr char kStartAdvice[] =
    "start it: systemctl --user start ecryptfs-agent, or run ecryptfs-agent in a terminal";

// Errors that the bus or systemd gives when there is nobody to talk to.
constexpr auto kNobodyThere = std::to_array<std::string_view>({
    "org.freedesktop.DBus.Error.ServiceUnknown",
    "org.freedesktop.DBus.Error.NameHasNoOwner",
    "org.freedesktop.DBus.Error.NoReply",
    "org.freedesktop.DBus.Error.Disconnected",
});

bool says_nobody_there(std::string_view name) {
    return std::ranges::find(kNobodyThere, name) != kNobodyThere.end() ||
           name.starts_with("org.freedesktop.DBus.Error.Spawn.") ||
           name.starts_with("org.freedesktop.systemd1.");
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
    if (says_nobody_there(name)) {
        return {ErrorCode::kNoAgent, fmt::format("the agent does not answer: {}", text),
                kStartAdvice};
    }
    if (name == "org.freedesktop.DBus.Error.UnknownObject") {
        return {ErrorCode::kUnknownKey, "the agent knows no such key",
                "see what it has: ecryptfsctl list-keys"};
    }
    if (name == "org.freedesktop.DBus.Error.AccessDenied") {
        return {ErrorCode::kAccessDenied, std::string(text)};
    }
    return {ErrorCode::kInternal, fmt::format("{}: {}", name, text)};
}

}  // namespace ecryptfs::ipc
