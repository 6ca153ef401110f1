// SPDX-License-Identifier: Apache-2.0

#include "cli/files/passphrase_tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <sstream>
#include <utility>

#include "cli/ask/ask_secret.h"
#include "cli/files/whole_file.h"
#include "lib/base/try.h"
#include "lib/keyring/keyrings.h"
#include "lib/wire/auth_token.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::SecretBytes;
using lower::PassphraseKey;

// Whether the key was used here before: it is in a keyring, or ecryptfs-utils remembers it.
bool was_used_before(const wire::KeySignature& signature) {
    if (!keyring::keyrings_with_token(signature).empty()) {
        return true;
    }
    const char* home = std::getenv("HOME");
    for (const char* name : {"sig-cache.txt", "Private.sig"}) {
        const auto text =
            read_user_file(fmt::format("{}/.ecryptfs/{}", home == nullptr ? "" : home, name));
        std::istringstream words(text ? text->value_or("") : "");
        if (std::find(std::istream_iterator<std::string>(words), {}, signature.text()) !=
            std::istream_iterator<std::string>()) {
            return true;
        }
    }
    return false;
}

Result<AddedKey> write_passphrase_token(const PassphraseKey& key,
                                        const keyring::TokenPlace& place) {
    auto payload = TRY(SecretBytes::create(wire::kAuthTokenSize));
    const auto encoded = TRY(
        wire::encode_passphrase_token({key.signature, key.key.view(), key.salt}, payload.span()));
    auto token = TRY(keyring::write_token(place, key.signature, encoded));
    return AddedKey{std::string(key.signature.text()), std::move(token)};
}

}  // namespace

Result<AddedPassphrase> write_passphrase_tokens(const PassphraseKey& fekek,
                                                const PassphraseKey* fnek,
                                                const keyring::TokenPlace& place) {
    auto contents = TRY(write_passphrase_token(fekek, place));
    AddedPassphrase added{std::move(contents)};
    if (fnek == nullptr) {
        return added;
    }
    auto names = write_passphrase_token(*fnek, place);
    if (!names) {
        if (!added.contents.token.replaced_old) {
            static_cast<void>(keyring::unlink_token(place, added.contents.token));
        }
        return std::unexpected(names.error());
    }
    added.names = std::move(*names);
    return added;
}

Result<void> confirm_passphrase(const SecretBytes& typed, const wire::KeySignature& signature) {
    if (was_used_before(signature)) {
        return {};
    }
    return confirm_secret(typed, "This passphrase was not used here before. Once more: ");
}

}  // namespace ecryptfs::cli
