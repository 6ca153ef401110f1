// SPDX-License-Identifier: Apache-2.0

#include "cli/agent/client.h"
#include "cli/output/json_output.h"
#include "cli/output/output.h"
#include "cli/verbs/verbs.h"

namespace ecryptfs::cli {
namespace {

using base::Result;

// Locks one key or all; gives the signatures of those that are locked now.
Result<std::vector<std::string>> lock_keys(AgentClient& agent, const std::string& typed) {
    if (!typed.empty()) {
        const auto signature = typed_signature(typed);
        if (!signature) {
            return std::unexpected(signature.error());
        }
        if (const auto locked = agent.lock_key(*signature); !locked) {
            return std::unexpected(locked.error());
        }
        return std::vector{std::string(signature->text())};
    }
    if (const auto locked = agent.lock_all(); !locked) {
        return std::unexpected(locked.error());
    }
    const auto objects = agent.objects();
    if (!objects) {
        return std::unexpected(objects.error());
    }
    std::vector<std::string> signatures;
    for (const auto& key : objects->keys) {
        if (key.state == "locked") {
            signatures.push_back(key.signature);
        }
    }
    return signatures;
}

}  // namespace

Result<void> run(const Lock& command) {
    auto agent = AgentClient::connect();
    if (!agent) {
        return std::unexpected(agent.error());
    }
    const auto locked = lock_keys(*agent, command.signature);
    if (!locked) {
        return std::unexpected(locked.error());
    }
    return command.json ? print(locked_keys_json(*locked)) : Result<void>();
}

}  // namespace ecryptfs::cli
