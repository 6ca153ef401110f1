// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/remove_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/agent/client.h"
#include "cli/input/typed_signature.h"
#include "cli/output/json_text.h"
#include "cli/output/output.h"
#include "lib/base/try.h"
#include "lib/keyring/hidden_token.h"

namespace ecryptfs::cli {
namespace {

using base::ErrorCode;
using base::Result;

// Has the agent forget the key. Gives whether it had the key: without a bus or an agent it had not.
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

std::string removed_json(const wire::KeySignature& signature,
                         const std::vector<keyring::Keyring>& keyrings) {
    auto names = nlohmann::ordered_json::array();
    for (const auto keyring : keyrings) {
        names.push_back(keyring::keyring_name(keyring));
    }
    return json_line({{"signature", signature.text()}, {"removed_from", names}});
}

}  // namespace

void add_options(CLI::App& parser, RemoveKeyOptions& options) {
    add_json(parser, options.json);
    add_signature(parser, options.signature);
}

Result<void> run(const RemoveKeyOptions& options) {
    const auto signature = TRY(typed_signature(options.signature));
    const auto keyrings = TRY(keyring::remove_token(signature));
    const bool was_folder_key = keyring::drop_hidden_token(signature);
    const auto forgotten = TRY(forget(signature));
    if (keyrings.empty() && !was_folder_key && !forgotten) {
        return std::unexpected(base::Error{
            ErrorCode::kUnknownKey,
            fmt::format("neither a keyring nor the agent has the key {}", signature.text()),
            "see which there are: ecryptfsctl list-keys"});
    }
    return options.json ? print(removed_json(signature, keyrings)) : Result<void>();
}

}  // namespace ecryptfs::cli
