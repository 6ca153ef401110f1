// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/lock.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/agent/client.h"
#include "cli/folder_key/file_store.h"
#include "cli/input/typed_signature.h"
#include "cli/output/json_text.h"
#include "cli/output/output.h"
#include "cli/verbs/open_folder.h"
#include "lib/base/try.h"
#include "lib/keyring/hidden_token.h"

namespace ecryptfs::cli {
namespace {

using base::Result;

using Texts = std::vector<std::string>;

// Also where no keyring has them: a mount in user space may.
Result<Texts> lock_folder(AgentClient& agent, const std::string& path) {
    const auto file = TRY(read_folder_key_file(path));
    Texts locked;
    for (const auto& signature : {*file.contents_signature, *file.names_signature}) {
        TRY(agent.lock_folder_key(signature));
        locked.emplace_back(signature.text());
    }
    return locked;
}

bool is_folder_key(const wire::KeySignature& signature) {
    const auto tokens = keyring::hidden_tokens();
    return std::ranges::find(tokens, signature, &keyring::NamedToken::signature) != tokens.end();
}

// Locks one key, a folder's or all of them. Gives the signatures of those that are locked now.
Result<Texts> lock_keys(AgentClient& agent, const OptionalText& typed) {
    if (typed && is_folder_key_file(*typed)) {
        return lock_folder(agent, *typed);
    }
    if (typed) {
        const auto signature = TRY(typed_signature(*typed));
        TRY(is_folder_key(signature) ? agent.lock_folder_key(signature)
                                     : agent.lock_key(signature));
        return Texts{std::string(signature.text())};
    }
    Texts signatures;
    for (const auto& token : keyring::hidden_tokens()) {
        signatures.emplace_back(token.signature.text());
    }
    TRY(agent.lock_all());
    const auto objects = TRY(agent.objects());
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
    parser.add_option("KEY", options.key, "Signature of the key, or the file of a folder key")
        ->type_name("");
}

Result<void> run(const LockOptions& options) {
    auto agent = TRY(AgentClient::connect());
    const auto locked = TRY(lock_keys(agent, options.key));
    return options.json ? print(json_line({{"locked", locked}})) : Result<void>();
}

}  // namespace ecryptfs::cli
