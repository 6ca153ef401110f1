// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/lock.h"

#include <nlohmann/json.hpp>

#include "cli/agent/client.h"
#include "cli/input/typed_signature.h"
#include "cli/output/json_text.h"
#include "cli/output/output.h"
#include "lib/base/try.h"

namespace ecryptfs::cli {
namespace {

using base::Result;

// Locks one key or all of them. Gives the signatures of those that are locked now.
Result<std::vector<std::string>> lock_keys(AgentClient& agent, const OptionalText& typed) {
    if (typed) {
        const auto signature = TRY(typed_signature(*typed));
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

void add_options(CLI::App& parser, LockOptions& options) {
    add_json(parser, options.json);
    add_signature(parser, options.signature);
}

Result<void> run(const LockOptions& options) {
    auto agent = TRY(AgentClient::connect());
    const auto locked = TRY(lock_keys(agent, options.signature));
    return options.json ? print(json_line({{"locked", locked}})) : Result<void>();
}

}  // namespace ecryptfs::cli
