// SPDX-License-Identifier: Apache-2.0

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "cli/doctor/diagnosis.h"
#include "cli/input/key_location.h"
#include "cli/mount/processes.h"
#include "lib/keyring/keyrings.h"
#include "lib/pki/client/module_host.h"
#include "lib/wire/device_frame.h"

namespace ecryptfs::cli {
namespace {

constexpr char kAgentName[] = "ecryptfs-agent";

Finding check_module(const pki::HostPaths& paths, const std::string& module) {
    Finding finding{fmt::format("module {}", module)};
    auto host = pki::ModuleHost::start(paths, module);
    if (!host) {
        return broken(finding.link, host.error());
    }
    std::size_t tokens = 0;
    const auto listed =
        host->list(pki::ItemKind::kTokens, [&](const pki::Item& /*token*/) { ++tokens; });
    if (listed) {
        finding.message = fmt::format("can be loaded, tokens: {}", tokens);
    } else if (listed.error().code == base::ErrorCode::kNotSupported) {
        finding.message = "can be loaded";
    } else {
        finding.health = Health::kDoubtful;
        finding.message = listed.error().message;
        finding.advice = listed.error().advice;
    }
    return finding;
}

}  // namespace

Finding check_agent(const ManagerState& manager, std::string_view own_version) {
    Finding finding{"agent", Health::kWorks,
                    fmt::format("version {}, pid {}", manager.version, manager.pid)};
    if (manager.version != own_version) {
        finding.health = Health::kDoubtful;
        finding.message += fmt::format("; this is ecryptfsctl {}", own_version);
        finding.advice = "systemctl --user restart ecryptfs-agent";
    }
    return finding;
}

Finding check_device_holder(const ManagerState& manager, const std::string& root, uid_t uid) {
    constexpr char kLink[] = "holder";
    const auto ready = device_ready(manager);
    if (ready) {
        return {kLink, Health::kWorks, "the agent holds the device"};
    }
    auto finding = broken(kLink, ready.error());
    if (ready.error().code != base::ErrorCode::kDeviceBusy) {
        return finding;
    }
    const auto agent = static_cast<pid_t>(manager.pid);
    for (const auto& process : running_processes(root)) {
        // An agent's descriptors cannot be seen, and its guard is its child.
        const bool other_agent =
            process.name == kAgentName && process.pid != agent && process.parent != agent;
        if (process.uid == uid && (other_agent || has_open(root, process.pid, wire::kDevicePath))) {
            finding.message += fmt::format("; {} (pid {}) does", process.name, process.pid);
            finding.advice = fmt::format("kill {} && ecryptfsctl status", process.pid);
            break;
        }
    }
    return finding;
}

Finding check_common_keyring(const std::vector<AgentKey>& keys) {
    constexpr char kLink[] = "agent's keyring";
    const auto tokens = keyring::private_key_tokens(keyring::user_keyring());
    if (!tokens) {
        return broken(kLink, tokens.error());
    }
    for (const auto& [signature, serial] : *tokens) {
        const auto known = std::ranges::find(keys, signature.text(), &AgentKey::signature);
        if (known == keys.end() ||
            (known->keyring == keyring::keyring_name(keyring::Keyring::kUser) &&
             known->serial != serial.value)) {
            return {kLink, Health::kBroken,
                    fmt::format("the agent does not see the key {} of this user keyring",
                                signature.text()),
                    "let the agent run as the same user, in the same user namespace: systemctl "
                    "--user restart ecryptfs-agent"};
        }
    }
    return {kLink, Health::kWorks,
            tokens->empty() ? "no private keys in the user keyring to compare"
                            : fmt::format("is ours, private keys: {}", tokens->size())};
}

Finding check_key(const AgentKey& key) {
    const auto ready = key_ready(key);
    const auto message = fmt::format("{}, {}", dbus::state_name(key.state), key.locator);
    if (ready) {
        return {fmt::format("key {}", key.signature), Health::kWorks, message};
    }
    const bool is_locked = ready.error().code == base::ErrorCode::kKeyLocked;
    return {fmt::format("key {}", key.signature), is_locked ? Health::kDoubtful : Health::kBroken,
            message, ready.error().advice};
}

std::vector<Finding> check_modules(const pki::HostPaths& paths) {
    const auto modules = pki::installed_modules(paths);
    if (!modules) {
        return {broken("modules", modules.error())};
    }
    std::vector<Finding> findings;
    for (const auto& module : *modules) {
        findings.push_back(check_module(paths, module));
    }
    return findings;
}

}  // namespace ecryptfs::cli
