// SPDX-License-Identifier: Apache-2.0

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "cli/agent/key_list.h"
#include "cli/output/output.h"
#include "cli/verbs/status_output.h"

namespace ecryptfs::cli {
namespace {

std::string age(std::uint64_t since_usec, std::uint64_t now_usec) {
    return span_in_words(now_usec > since_usec ? now_usec - since_usec : 0);
}

std::string device_text(const ManagerState& manager, std::uint64_t now_usec) {
    if (const auto ready = device_ready(manager); !ready) {
        return fmt::format("{}, not open: {}", manager.device_path, ready.error().message);
    }
    return fmt::format("{}, open since {} ({})", manager.device_path,
                       local_time(manager.device_opened_usec),
                       age(manager.device_opened_usec, now_usec));
}

std::string kernel_text(std::uint64_t mask) {
    if (mask == 0) {
        return "no eCryptfs, or the module is not loaded";
    }
    return fmt::format("{:#x}: {}", mask, fmt::join(feature_names(mask), ", "));
}

std::string failures_text(const Counts& failed) {
    std::uint64_t sum = 0;
    std::vector<std::string> reasons;
    for (const auto& [reason, count] : failed) {
        sum += count;
        reasons.push_back(fmt::format("{} {}", reason, count));
    }
    return sum == 0 ? "0" : fmt::format("{} ({})", sum, fmt::join(reasons, ", "));
}

std::string queue_text(const ManagerState& manager) {
    std::string text = fmt::format(
        "received {}, in flight {}, answered {}, failed {}, stale {}, late {}, malformed {}",
        manager.received, manager.in_flight, manager.answered, failures_text(manager.failed),
        manager.stale, manager.late, manager.malformed);
    if (manager.in_flight > 0) {
        text += fmt::format(", oldest {}", span_in_words(manager.oldest_age_usec));
    }
    if (manager.device_losses > 0) {
        text += fmt::format(", device lost {} times", manager.device_losses);
    }
    return text;
}

// Nothing where nobody has one: most users have a mount by the kernel, or none.
std::string channels_text(std::span<const AgentChannel> channels) {
    if (channels.empty()) {
        return "";
    }
    Table table({"CHANNEL", "PROGRAM", "RECEIVED", "ANSWERED", "FAILED"});
    for (const auto& channel : channels) {
        table.add_row({fmt::format("{}", channel.number), fmt::format("pid {}", channel.client_pid),
                       fmt::format("{}", channel.received), fmt::format("{}", channel.answered),
                       fmt::format("{}", channel.failed)});
    }
    return "channels\n" + table.text(2);
}

std::string modules_text(std::span<const AgentModule> modules, std::uint64_t now_usec) {
    if (modules.empty()) {
        return "  none in use yet\n";
    }
    Table table({"MODULE", "VERSION", "HOST", "UPTIME", "RESTARTS", "MEDIAN", "P99"});
    for (const auto& module : modules) {
        const bool running = module.host_pid != 0;
        table.add_row({module.name, module.version.empty() ? "-" : module.version,
                       running ? fmt::format("pid {}", module.host_pid) : "not running",
                       running ? age(module.host_started_usec, now_usec) : "-",
                       fmt::format("{}", module.restarts),
                       latency_in_words(module.latency.median_usec),
                       latency_in_words(module.latency.p99_usec)});
    }
    return table.text(2);
}

std::string keys_text(std::span<const AgentKey> keys) {
    if (keys.empty()) {
        return fmt::format("  {}", kNoKeys);
    }
    Table table({"SIGNATURE", "MODULE", "STATE", "EXPIRES", "ANSWERED", "FAILED", "MEDIAN", "P99",
                 "LOCATOR"});
    for (const auto& key : keys) {
        table.add_row({key.signature, key.module, state_cell(key.state),
                       local_time(key.expires_usec), fmt::format("{}", key.answered),
                       fmt::format("{}", key.failed), latency_in_words(key.latency.median_usec),
                       latency_in_words(key.latency.p99_usec), key.locator});
    }
    return table.text(2);
}

std::string key_state_text(std::span<const AgentKey> keys, const wire::KeySignature& signature) {
    const auto key = std::ranges::find(keys, signature.text(), &AgentKey::signature);
    return key == keys.end() ? "" : fmt::format(" ({})", dbus::state_name(key->state));
}

std::string mount_keys_text(const FolderOptions& options, std::span<const AgentKey> keys) {
    std::vector<std::string> texts;
    const auto append = std::back_inserter(texts);
    std::ranges::transform(options.keys, append, [&](const auto& key) {
        return fmt::format("{}{}", key.text(), key_state_text(keys, key));
    });
    std::ranges::transform(options.name_keys, append,
                           [](const auto& key) { return fmt::format("names {}", key.text()); });
    return fmt::format("{}", fmt::join(texts, ", "));
}

}  // namespace

std::string mounts_text(std::span<const MountedFolder> mounts, std::span<const AgentKey> keys) {
    if (mounts.empty()) {
        return "";
    }
    Table table({"FOLDER", "LOWER", "WAY", "KEYS"});
    for (const auto& mount : mounts) {
        const auto* way = mount.way == MountWay::kKernel ? "kernel" : "user space";
        table.add_row({mount.upper, mount.lower, way, mount_keys_text(mount.options, keys)});
    }
    return table.text(2);
}

std::string status_text(const ManagerState& manager, const AgentObjects& objects,
                        std::span<const MountedFolder> mounts, std::uint64_t now_usec) {
    const auto mounted = mounts_text(mounts, objects.keys);
    return fmt::format(
        "agent    {}, pid {}\n"
        "device   {}\n"
        "kernel   {}\n"
        "queue    {}\n"
        "{}"
        "modules\n{}"
        "keys\n{}"
        "mounts\n{}",
        printable(manager.version), manager.pid, printable(device_text(manager, now_usec)),
        kernel_text(manager.kernel_features), printable(queue_text(manager)),
        channels_text(manager.channels), modules_text(objects.modules, now_usec),
        keys_text(objects.keys), mounted.empty() ? "  none\n" : mounted);
}

}  // namespace ecryptfs::cli
