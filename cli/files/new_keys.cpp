// SPDX-License-Identifier: Apache-2.0

#include "cli/files/new_keys.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "cli/ask/ask_secret.h"
#include "cli/ask/secret_source.h"
#include "cli/files/passphrase_tokens.h"
#include "cli/files/wrapped_file.h"
#include "cli/input/key_location.h"
#include "cli/input/typed_signature.h"
#include "cli/output/output.h"
#include "lib/base/try.h"
#include "lib/base/verb_advice.h"
#include "lib/keyring/keyrings.h"
#include "lib/keyring/passphrase_key.h"
#include "lib/wire/auth_token.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using wire::KeySignature;

constexpr char kNewPassphraseQuestion[] = "New mount passphrase: ";
constexpr char kKeySecretOption[] = "--new-key-passphrase-file";

std::unexpected<Error> contradiction(std::string message, std::string advice) {
    return std::unexpected(
        Error{ErrorCode::kInvalidArgument, std::move(message), std::move(advice)});
}

// Where the private key of a token is.
Result<pki::KeyLocation> locate_token(const KeySignature& signature) {
    const auto serial = TRY(keyring::request_token(signature));
    const auto payload = TRY(keyring::read_token(serial));
    const auto token = TRY(wire::parse_auth_token(payload.view()));
    const auto* key = std::get_if<wire::PrivateKeyToken>(&token);
    const std::string locator(key == nullptr ? "" : base::as_text(key->blob));
    // Blobs of ecryptfs-utils hold a secret, and nothing that a module takes.
    if (key == nullptr || canonical_uri(locator, true) != locator) {
        return std::unexpected(
            Error{ErrorCode::kInvalidToken,
                  fmt::format("the token {} does not say where its key is", signature.text()),
                  "give the key's file or URI instead of its signature"});
    }
    return pki::KeyLocation{key->pki_type.text(), locator};
}

Error names_key_error(const KeySignature& signature) {
    return {ErrorCode::kInvalidKey,
            fmt::format("{} is a passphrase's key for names, not for contents", signature.text()),
            "give the first of the two signatures that add-passphrase --fnek prints"};
}

}  // namespace

std::vector<std::string> KeyChangeSources::all_secret_files() const {
    std::vector<std::string> files = to.passphrase_files;
    std::ranges::copy(add.passphrase_files, std::back_inserter(files));
    std::ranges::copy(key_secret_files, std::back_inserter(files));
    return files;
}

Result<void> check_change(const KeyChangeSources& sources) {
    if (sources.to.empty() && sources.add.empty() && sources.removed.empty()) {
        return contradiction("no new key",
                             "give it with --to or --add, or the one that goes with --remove");
    }
    if (!sources.to.empty() && !(sources.add.empty() && sources.removed.empty())) {
        return contradiction("--to replaces all other keys, --add and --remove keep them",
                             "leave out --to, or --add and --remove");
    }
    const bool any_passphrase = sources.to.passphrase || !sources.to.passphrase_files.empty() ||
                                sources.add.passphrase || !sources.add.passphrase_files.empty();
    if (sources.salt && !any_passphrase) {
        return contradiction("--new-salt belongs to a new passphrase, and none is given",
                             "give it with --to-passphrase or --add-passphrase");
    }
    return {};
}

Result<void> NewKeys::load(const KeyChangeSources& sources) {
    change_.keeps_others = sources.to.empty();
    for (const auto& typed : sources.removed) {
        const auto signature = TRY(typed_signature(typed));
        change_.removed.insert(signature);
    }
    TRY(add_sources(sources.to, sources, "--to"));
    TRY(add_sources(sources.add, sources, "--add"));
    for (const auto& key : change_.keys) {
        if (change_.removed.contains(key.signature)) {
            return contradiction(
                fmt::format("the key {} is both added and removed", key.signature.text()),
                "leave out one of the two");
        }
    }
    return {};
}

Result<void> NewKeys::add_sources(const NewKeySources& sources, const KeyChangeSources& all,
                                  const std::string& option) {
    for (const auto& typed : sources.keys) {
        if (const auto signature = typed_signature(typed)) {
            TRY(add_token(*signature, all));
            continue;
        }
        const auto location = TRY(locate_key(typed));
        const auto signature = TRY(open_private_key(location, all));
        add({.signature = signature});
    }
    for (const auto& file : sources.passphrase_files) {
        TRY(add_passphrase(file, all, option));
    }
    return sources.passphrase ? add_passphrase(std::nullopt, all, option) : Result<void>();
}

// A passphrase that nobody has used here is typed twice: no file would show the error.
Result<void> NewKeys::add_passphrase(const std::optional<std::string>& file,
                                     const KeyChangeSources& all, const std::string& option) {
    const auto salt = TRY(parse_salt(all.salt));
    const auto passphrase =
        TRY(read_passphrase({file, kNewPassphraseQuestion, option + "-passphrase-file"}));
    auto key = TRY(lower::derive_passphrase_key(passphrase.view(), salt));
    if (!file || (file == "-" && ::isatty(STDIN_FILENO) != 0)) {
        TRY(confirm_passphrase(passphrase, key.signature));
    }
    const auto signature = key.signature;
    add({signature, std::move(key)});
    return {};
}

Result<void> NewKeys::add_token(const KeySignature& signature, const KeyChangeSources& all) {
    auto passphrase = keyring::read_passphrase_key(signature);
    if (passphrase) {
        if (passphrase->salt == lower::kNameSalt) {
            return std::unexpected(names_key_error(signature));
        }
        add({signature,
             lower::PassphraseKey{signature, std::move(passphrase->key), passphrase->salt}});
        return {};
    }
    if (passphrase.error().code != ErrorCode::kNotSupported) {
        if (passphrase.error().code == ErrorCode::kUnknownKey) {
            passphrase.error().advice = base::add_key_advice();
        }
        return std::unexpected(std::move(passphrase.error()));
    }
    const auto location = TRY(locate_token(signature));
    const auto opened = TRY(open_private_key(location, all));
    if (opened != signature) {
        return std::unexpected(
            Error{ErrorCode::kInvalidKey,
                  fmt::format("{} is now the key {}, and no more {}",
                              display_name(location.locator), opened.text(), signature.text()),
                  base::changed_key_advice(location.locator)});
    }
    add({.signature = signature});
    return {};
}

Result<KeySignature> NewKeys::open_private_key(const pki::KeyLocation& location,
                                               const KeyChangeSources& all) {
    auto opened = public_keys_.open(location, base::NoSecret{});
    if (!opened && opened.error().code == ErrorCode::kSecretRequired) {
        const auto& files = all.key_secret_files;
        const bool in_file = used_secret_files_ < files.size();
        if (!in_file && !can_ask()) {
            opened.error().advice = non_interactive_advice(kKeySecretOption);
            return std::unexpected(std::move(opened.error()));
        }
        const auto secret = TRY(in_file ? read_key_secret({files[used_secret_files_++], location})
                                        : ask_secret(key_question(location)));
        opened = public_keys_.open(location, base::secret_entry(secret.view()));
    }
    const auto found = TRY(std::move(opened));
    if (!found.warning.empty()) {
        warn(found.warning);
    }
    return found.signature;
}

void NewKeys::add(lowerfs::NewKey key) {
    if (std::ranges::find(change_.keys, key.signature, &lowerfs::NewKey::signature) ==
        change_.keys.end()) {
        change_.keys.push_back(std::move(key));
    }
}

}  // namespace ecryptfs::cli
