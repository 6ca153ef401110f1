// SPDX-License-Identifier: Apache-2.0

#include "cli/agent/client.h"
#include "cli/output/json_output.h"
#include "cli/output/output.h"
#include "cli/verbs/verbs.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

using base::Result;

// Locks one key or all; gives the signatures of those that are locked now.
Result<std::vector<std::string>> lock_keys(AgentClient& agent, const std::string& typed) {
    if (!typed.empty()) {
        const auto signature = TRY(typed_signature(typed));
        TRY(agent.lock_key(signature));
        return std::vector{std::string(signature.text())};
    }
    TRY(agent.lock_all());
    const auto objects = TRY(agent.objects());
    std::vector<std::string> signatures;
    for (const auto& key : objects.keys) {
        if (key.state == dbus::KeyState::kLocked) {
            signatures.push_back(key.signature);
        }
    }
    return signatures;
}

}  // namespace

Result<void> run(const Lock& command) {
    auto agent = TRY(AgentClient::connect());
    const auto locked = TRY(lock_keys(agent, command.signature));
    return command.json ? print(locked_keys_json(locked)) : Result<void>();
}

}  // namespace ecryptfs::cli
