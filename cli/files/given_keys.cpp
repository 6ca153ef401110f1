// SPDX-License-Identifier: Apache-2.0

#include "cli/files/given_keys.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "cli/ask/ask_secret.h"
#include "cli/ask/secret_source.h"
#include "cli/input/key_location.h"
#include "cli/output/output.h"
#include "lib/base/try.h"
#include "lib/keyring/passphrase_key.h"

namespace ecryptfs::cli {

using base::ErrorCode;
using base::Result;
using base::SecretBytes;
using wire::KeySignature;

GivenKeys::GivenKeys(pki::HostPaths paths)
    : hosted_keys_(std::move(paths)), file_keys_(&hosted_keys_, keyring::find_passphrase_key) {}

Result<void> GivenKeys::add_private_key(const pki::KeyLocation& key,
                                        const std::optional<std::string>& passphrase_file) {
    const bool may_ask = !passphrase_file && can_ask();
    SecretBytes read;
    base::SecretEntry secret;
    if (passphrase_file) {
        auto first_line = TRY(read_key_secret({*passphrase_file, key}));
        read = std::move(first_line);
        secret = base::secret_entry(read.view());
    } else if (may_ask) {
        secret = base::EntryAtDevice{};
    }
    auto opened = hosted_keys_.open(key, secret);
    const bool wants_secret = !opened && opened.error().code == ErrorCode::kSecretRequired;
    if (wants_secret && may_ask) {
        const SecretBytes typed = TRY(ask_secret(key_question(key)));
        opened = hosted_keys_.open(key, base::secret_entry(typed.view()));
    } else if (wants_secret) {
        opened.error().advice = non_interactive_advice("--key-passphrase-file");
    }
    const auto found = TRY(std::move(opened));
    if (!found.warning.empty()) {
        warn(found.warning);
    }
    private_keys_.push_back({display_name(key.locator), found.signature});
    return {};
}

Result<void> GivenKeys::add_passphrase(SecretBytes passphrase, const lower::Salt& salt,
                                       PassphraseOrigin origin) {
    auto contents = TRY(lower::derive_passphrase_key(passphrase.view(), salt));
    auto names = TRY(lower::derive_passphrase_key(passphrase.view(), lower::kNameSalt));
    passphrases_.push_back(
        {std::move(origin), std::move(passphrase), salt, contents.signature, names.signature});
    file_keys_.add_passphrase_key(std::move(contents));
    file_keys_.add_passphrase_key(std::move(names));
    return {};
}

bool GivenKeys::has_passphrase_key(const KeySignature& signature) const {
    return std::ranges::any_of(passphrases_, [&](const auto& each) {
        return each.signature == signature || each.name_signature == signature;
    });
}

Result<void> add_private_keys(GivenKeys& given, std::span<const std::string> uris,
                              std::span<const std::string> secret_files) {
    if (secret_files.size() > uris.size()) {
        return std::unexpected(base::Error{ErrorCode::kInvalidArgument,
                                           "more --key-passphrase-file than --key",
                                           "give the first file for the first key, and so on"});
    }
    for (std::size_t i = 0; i < uris.size(); ++i) {
        const auto location = TRY(locate_key(uris[i]));
        TRY(given.add_private_key(location, i < secret_files.size()
                                                ? std::optional(secret_files[i])
                                                : std::optional<std::string>()));
    }
    return {};
}

}  // namespace ecryptfs::cli
