// SPDX-License-Identifier: Apache-2.0

#include <fmt/format.h>

#include <algorithm>

#include "cli/agent/client.h"
#include "cli/ask/opening.h"
#include "cli/output/json_output.h"
#include "cli/output/output.h"
#include "cli/verbs/adding.h"
#include "cli/verbs/verbs.h"
#include "lib/base/try.h"
#include "lib/wire/auth_token.h"

namespace ecryptfs::cli {
namespace {

using base::Result;

// What the agent has before anything is added; refuses when it cannot answer the kernel anyway.
Result<AgentObjects> objects_of_ready_agent(AgentClient& agent) {
    const auto manager = TRY(agent.manager());
    TRY(device_ready(manager));
    return agent.objects();
}

Result<OpenedKey> open_key(AgentClient& agent, const pki::KeyLocation& key,
                           const OpenWithSecret& with_secret) {
    std::optional<OpenedKey> opened;
    const auto done = with_secret([&](const base::SealedMemfd& secret) -> Result<void> {
        auto answer = TRY(agent.add_key(key.module, key.locator, secret));
        opened = std::move(answer);
        return {};
    });
    if (!done) {
        return std::unexpected(done.error());
    }
    return opened ? Result<OpenedKey>(std::move(*opened)) : std::unexpected(malformed_reply());
}

// The module may have settled more than what was typed says.
pki::KeyLocation location_in(const OpenedKey& key, const pki::KeyLocation& typed) {
    const auto token = wire::parse_auth_token(key.token);
    const auto* held = token ? std::get_if<wire::PrivateKeyToken>(&*token) : nullptr;
    return held == nullptr ? typed
                           : pki::KeyLocation{typed.module, std::string(base::as_text(held->blob))};
}

void undone(const Result<void>& result) {
    if (!result) {
        warn(fmt::format("not all could be undone: {}", result.error().message));
    }
}

// Writes the token and tells the agent where it is. On an error nothing stays half done.
Result<keyring::WrittenToken> place_token(AgentClient& agent, const OpenedKey& key,
                                          const keyring::TokenPlace& place, bool agent_had_it) {
    auto written =
        keyring::write_token(place, key.signature, key.token, keyring::TokenReader::kAgent);
    if (!written) {
        if (!agent_had_it) {
            undone(agent.forget_key(key.signature));
        }
        return written;
    }
    const auto registered = agent.register_token(key.signature, written->serial);
    if (!registered) {
        if (!written->replaced_old) {
            undone(keyring::unlink_token(place, *written));
        }
        return std::unexpected(registered.error());
    }
    return written;
}

}  // namespace

Result<void> add_key(const pki::KeyLocation& key, const OpenWithSecret& with_secret,
                     const keyring::TokenPlace& place, bool json) {
    auto agent = TRY(AgentClient::connect());
    const auto before = TRY(objects_of_ready_agent(agent));
    const auto opened = TRY(open_key(agent, key, with_secret));
    const std::string signature(opened.signature.text());
    const bool agent_had_it =
        std::ranges::find(before.keys, signature, &AgentKey::signature) != before.keys.end();
    auto written = TRY(place_token(agent, opened, place, agent_had_it));
    if (!opened.warning.empty()) {
        written.warnings.insert(written.warnings.begin(), opened.warning);
    }
    std::ranges::for_each(written.warnings, warn);
    return print(json ? added_key_json({signature, location_in(opened, key), place, written.serial,
                                        written.warnings})
                      : signature + "\n");
}

Result<void> run(const AddKey& command) {
    const auto location = TRY(locate_key(command.uri, command.module));
    const auto with_secret = [&](const OpenKeyWith& open) {
        return open_with_secret({command.passphrase_file, location}, open);
    };
    return add_key(location, with_secret, command.place, command.json);
}

}  // namespace ecryptfs::cli
