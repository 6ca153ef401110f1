// SPDX-License-Identifier: Apache-2.0

#include <chrono>

#include "cli/agent_client.h"
#include "cli/json_output.h"
#include "cli/mounted_folder.h"
#include "cli/output.h"
#include "cli/tables.h"
#include "cli/verbs.h"

namespace ecryptfs::cli {
namespace {

std::uint64_t now_usec() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

}  // namespace

base::Result<void> run(const Status& command) {
    auto agent = AgentClient::connect();
    if (!agent) {
        return std::unexpected(agent.error());
    }
    const auto manager = agent->manager();
    if (!manager) {
        return std::unexpected(manager.error());
    }
    const auto objects = agent->objects();
    if (!objects) {
        return std::unexpected(objects.error());
    }
    const auto mounts = mounted_folders().value_or(std::vector<MountedFolder>{});
    const auto printed = print(command.json ? status_json(*manager, *objects, mounts)
                                            : status_text(*manager, *objects, mounts, now_usec()));
    return printed ? device_ready(*manager) : printed;
}

}  // namespace ecryptfs::cli
