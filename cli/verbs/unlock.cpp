// SPDX-License-Identifier: Apache-2.0

#include "cli/agent/client.h"
#include "cli/ask/opening.h"
#include "cli/output/json_output.h"
#include "cli/output/output.h"
#include "cli/verbs/verbs.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {

using base::Result;

Result<void> run(const Unlock& command) {
    const auto signature = TRY(typed_signature(command.signature));
    auto agent = TRY(AgentClient::connect());
    const auto key = TRY(agent.key(signature));
    const auto unlocked = open_with_secret(
        {command.passphrase_file, {key.module, key.locator}},
        [&](const base::SealedMemfd& secret) { return agent.unlock_key(signature, secret); });
    if (!unlocked || !command.json) {
        return unlocked;
    }
    return print(unlocked_key_json(std::string(signature.text())));
}

}  // namespace ecryptfs::cli
