// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/unlock.h"

#include <nlohmann/json.hpp>

#include "cli/agent/client.h"
#include "cli/ask/secret_source.h"
#include "cli/input/typed_signature.h"
#include "cli/output/json_text.h"
#include "cli/output/output.h"
#include "cli/verbs/library_consent.h"
#include "cli/verbs/open_folder.h"
#include "lib/base/try.h"
#include "lib/keyring/passphrase_key.h"

namespace ecryptfs::cli {
namespace {

base::Result<void> unlock_private_key(AgentClient& agent, const wire::KeySignature& signature,
                                      const UnlockOptions& options) {
    const auto key = TRY(agent.key(signature));
    return open_with_secret(
        {options.passphrase_file, {key.module, key.locator}},
        [&](const base::SealedMemfd& secret) { return agent.unlock_key(signature, secret); });
}

}  // namespace

void add_options(CLI::App& parser, UnlockOptions& options) {
    add_json(parser, options.json);
    parser.add_option("KEY", options.key, "Signature of the key, or the file of a folder key")
        ->type_name("")
        ->required();
    add_secret_file(parser, "--passphrase-file", options.passphrase_file, kPassphraseOrPin);
    add_secret_file(parser, "--key-passphrase-file", options.key_secret_file,
                    "the passphrase or PIN of a private key that opens a folder key");
    add_paths(parser, options.paths);
    add_allow_library(parser, options.allowed_libraries);
}

base::Result<void> run(const UnlockOptions& options) {
    TRY(allow_libraries(options.allowed_libraries));
    if (is_folder_key_file(options.key)) {
        const auto folder = TRY(open_folder(
            options.key, {options.passphrase_file, options.key_secret_file}, options.paths));
        return options.json ? print(json_line({{"unlocked", folder.contents.signature.text()},
                                               {"names", folder.names.signature.text()}}))
                            : base::Result<void>();
    }
    const auto signature = TRY(typed_signature(options.key));
    auto agent = TRY(AgentClient::connect());
    const auto unlocked = keyring::read_passphrase_key(signature)
                              ? agent.announce_unlocked(signature)
                              : unlock_private_key(agent, signature, options);
    if (!unlocked || !options.json) {
        return unlocked;
    }
    return print(json_line({{"unlocked", signature.text()}}));
}

}  // namespace ecryptfs::cli
