// SPDX-License-Identifier: Apache-2.0

#include "cli/verbs/add_to_agent.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/agent/client.h"
#include "cli/output/json_text.h"
#include "cli/output/output.h"
#include "lib/base/try.h"
#include "lib/wire/auth_token.h"

namespace ecryptfs::cli {
namespace {

using base::Result;
using Json = nlohmann::ordered_json;

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

// The token's: the module may have added what was not typed.
pki::KeyLocation token_location(const OpenedKey& key, const pki::KeyLocation& typed) {
    const auto token = wire::parse_auth_token(key.token);
    const auto* held = token ? std::get_if<wire::PrivateKeyToken>(&*token) : nullptr;
    return held == nullptr ? typed
                           : pki::KeyLocation{typed.module, std::string(base::as_text(held->blob))};
}

// For what is undone after an error.
void warn_if_kept(const Result<void>& result) {
    if (!result) {
        warn(fmt::format("not all could be undone: {}", result.error().message));
    }
}

// Writes the token and tells the agent where it is. On an error nothing stays half done.
Result<keyring::WrittenToken> place_token(AgentClient& agent, const OpenedKey& key,
                                          const keyring::TokenPlace& place, bool was_known) {
    auto written =
        keyring::write_token(place, key.signature, key.token, keyring::TokenReader::kAgent);
    if (!written) {
        if (!was_known) {
            warn_if_kept(agent.forget_key(key.signature));
        }
        return written;
    }
    const auto registered = agent.register_token(key.signature, written->serial);
    if (!registered) {
        if (!written->replaced_old) {
            warn_if_kept(keyring::unlink_token(place, *written));
        }
        return std::unexpected(registered.error());
    }
    return written;
}

std::string added_json(const std::string& signature, const pki::KeyLocation& location,
                       const keyring::TokenPlace& place, const keyring::WrittenToken& written) {
    const auto timeout = place.timeout ? Json(place.timeout->count()) : Json(nullptr);
    return json_line({{"signature", signature},
                      {"module", location.module},
                      {"locator", location.locator},
                      {"keyring", keyring::keyring_name(place.keyring)},
                      {"serial", written.serial.value},
                      {"timeout_seconds", timeout},
                      {"warnings", written.warnings}});
}

}  // namespace

Result<void> add_to_agent(const pki::KeyLocation& key, const OpenWithSecret& with_secret,
                          const keyring::TokenPlace& place, bool json) {
    auto agent = TRY(AgentClient::connect());
    const auto before = TRY(agent.objects());
    const auto opened = TRY(open_key(agent, key, with_secret));
    const std::string signature(opened.signature.text());
    const bool was_known =
        std::ranges::find(before.keys, signature, &AgentKey::signature) != before.keys.end();
    auto written = TRY(place_token(agent, opened, place, was_known));
    if (!opened.warning.empty()) {
        written.warnings.insert(written.warnings.begin(), opened.warning);
    }
    std::ranges::for_each(written.warnings, warn);
    return print(json ? added_json(signature, token_location(opened, key), place, written)
                      : signature + "\n");
}

}  // namespace ecryptfs::cli
