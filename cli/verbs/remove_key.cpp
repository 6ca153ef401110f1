// SPDX-License-Identifier: Apache-2.0

#include <fmt/format.h>

#include <algorithm>

#include "cli/agent/client.h"
#include "cli/output/json_output.h"
#include "cli/output/output.h"
#include "cli/verbs/verbs.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

using base::ErrorCode;
using base::Result;

// Whether the agent had the key. Without a bus or an agent there is nothing to forget.
Result<bool> forget(const wire::KeySignature& signature) {
    auto agent = AgentClient::connect();
    const auto objects =
        agent ? agent->objects() : Result<AgentObjects>(std::unexpected(agent.error()));
    if (!objects) {
        const auto code = objects.error().code;
        if (code == ErrorCode::kNoBus || code == ErrorCode::kNoAgent) {
            return false;
        }
        return std::unexpected(objects.error());
    }
    TRY(agent->forget_key(signature));
    return std::ranges::find(objects->keys, signature.text(), &AgentKey::signature) !=
           objects->keys.end();
}

}  // namespace

Result<void> run(const RemoveKey& command) {
    const auto signature = TRY(typed_signature(command.signature));
    const auto keyrings = TRY(keyring::remove_token(signature));
    const auto forgotten = TRY(forget(signature));
    if (keyrings.empty() && !forgotten) {
        return std::unexpected(base::Error{
            ErrorCode::kUnknownKey,
            fmt::format("neither a keyring nor the agent has the key {}", signature.text()),
            "see which there are: ecryptfsctl list-keys"});
    }
    return command.json ? print(removed_key_json(std::string(signature.text()), keyrings))
                        : Result<void>();
}

}  // namespace ecryptfs::cli
