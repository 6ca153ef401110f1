// SPDX-License-Identifier: Apache-2.0

#include "cli/agent/client.h"
#include "cli/ask/opening.h"
#include "cli/output/json_output.h"
#include "cli/output/output.h"
#include "cli/verbs/verbs.h"

namespace ecryptfs::cli {

using base::Result;

Result<void> run(const Unlock& command) {
    const auto signature = typed_signature(command.signature);
    if (!signature) {
        return std::unexpected(signature.error());
    }
    auto agent = AgentClient::connect();
    if (!agent) {
        return std::unexpected(agent.error());
    }
    const auto key = agent->key(*signature);
    if (!key) {
        return std::unexpected(key.error());
    }
    const auto unlocked = open_with_secret(
        {command.passphrase_file, {key->module, key->locator}},
        [&](const base::SealedMemfd& secret) { return agent->unlock_key(*signature, secret); });
    if (!unlocked || !command.json) {
        return unlocked;
    }
    return print(unlocked_key_json(std::string(signature->text())));
}

}  // namespace ecryptfs::cli
