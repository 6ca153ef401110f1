// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/doctor.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "cli/agent/client.h"
#include "cli/doctor/diagnosis.h"
#include "cli/mount/current_mounts.h"
#include "cli/output/output.h"

namespace ecryptfs::cli {
namespace {

constexpr char kSystem[] = "";  // not another root

using Findings = std::vector<Finding>;

void append(Findings& findings, Findings more) {
    std::ranges::move(more, std::back_inserter(findings));
}

Findings examine_system() {
    Findings findings = {check_kernel(kSystem)};
    if (findings.back().health == Health::kWorks) {
        findings.push_back(check_public_key_mode(kSystem));
    }
    findings.push_back(check_device_node(kSystem));
    append(findings, check_user_space(kSystem, ::geteuid()));
    findings.push_back(check_session_keyring());
    findings.push_back(check_key_quota(kSystem, ::geteuid()));
    if (const auto mounts = mounted_folders()) {
        append(findings, check_mounts(*mounts, ::geteuid()));
    }
    return findings;
}

Findings examine_agent(AgentClient& agent) {
    const auto manager = agent.manager();
    if (!manager) {
        // It may not run because it can lock too little memory, and our limit is likely the same.
        return {broken("agent", manager.error()), check_memory_lock(kSystem, ::getpid())};
    }
    Findings findings = {
        check_agent(*manager, ECRYPTFS_VERSION),
        check_memory_lock(kSystem, static_cast<pid_t>(manager->pid)),
        check_device_holder(*manager, kSystem, ::geteuid()),
    };
    const auto objects = agent.objects();
    if (!objects) {
        findings.push_back(broken("agent's keyring", objects.error()));
        return findings;
    }
    findings.push_back(check_common_keyring(objects->keys));
    std::ranges::transform(objects->keys, std::back_inserter(findings), check_key);
    return findings;
}

Findings examine_bus() {
    Findings findings = {check_old_daemon(kSystem, ::geteuid())};
    auto agent = AgentClient::connect();
    if (!agent) {
        findings.push_back(broken("bus", agent.error()));
        findings.push_back({"agent", Health::kUnknown, "cannot be asked"});
        return findings;
    }
    findings.push_back({"bus", Health::kWorks, "there is a user bus"});
    append(findings, examine_agent(*agent));
    return findings;
}

}  // namespace

void add_options(CLI::App& parser, DoctorOptions& options) {
    add_json(parser, options.json);
    add_paths(parser, options.paths);
}

base::Result<void> run(const DoctorOptions& options) {
    auto findings = examine_system();
    append(findings, examine_bus());
    append(findings, check_modules(options.paths));
    accept_one_way(findings);
    if (auto printed = print(options.json ? findings_json(findings) : findings_text(findings));
        !printed) {
        return printed;
    }
    const auto broken_links = std::ranges::count(findings, Health::kBroken, &Finding::health);
    if (broken_links == 0) {
        return {};
    }
    return std::unexpected(
        base::Error{base::ErrorCode::kUnhealthy, fmt::format("broken links: {}", broken_links)});
}

}  // namespace ecryptfs::cli
