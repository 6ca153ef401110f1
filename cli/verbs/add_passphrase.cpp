// SPDX-License-Identifier: Apache-2.0

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <sstream>

#include "cli/ask/asking.h"
#include "cli/ask/passphrase_input.h"
#include "cli/files/whole_file.h"
#include "cli/output/json_output.h"
#include "cli/output/output.h"
#include "cli/verbs/verbs.h"
#include "lib/base/try.h"
#include "lib/keyring/keyrings.h"
#include "lib/keyring/token_writer.h"
#include "lib/wire/auth_token.h"

namespace ecryptfs::cli {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;
using base::SecretBytes;
using lower::PassphraseKey;

// Whether somebody used the key here before: it is in a keyring, or ecryptfs-utils remembers it.
bool is_known(const wire::KeySignature& signature) {
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

// A slip of the finger in a passphrase that is new would go unseen until files are lost to it.
Result<void> confirm(const SecretBytes& typed, const wire::KeySignature& signature) {
    if (is_known(signature)) {
        return {};
    }
    const auto again = TRY(ask("This passphrase was not used here before. Once more: "));
    if (!base::equal_in_constant_time(typed.view(), again.view())) {
        return std::unexpected(
            Error{ErrorCode::kInvalidArgument, "the two are not the same", "try again"});
    }
    return {};
}

Result<SecretBytes> mount_passphrase(const AddPassphrase& command) {
    return command.wrapped.empty()
               ? passphrase_from(command.passphrase_file, kMountQuestion, "--passphrase-file")
               : unwrapped_passphrase(command.wrapped, command.wrapping_file);
}

Result<keyring::WrittenToken> write_passphrase_token(const PassphraseKey& key,
                                                     const keyring::TokenPlace& place) {
    auto payload = TRY(SecretBytes::create(wire::kAuthTokenSize));
    const auto encoded =
        wire::encode_passphrase_token({key.signature, key.key.view(), key.salt}, payload.span());
    return encoded ? keyring::write_token(place, key.signature, *encoded)
                   : std::unexpected(encoded.error());
}

// Both or none: `fnek` is none if it is not wanted.
Result<AddedPassphrase> write_tokens(const PassphraseKey& fekek,
                                     const std::optional<PassphraseKey>& fnek,
                                     const keyring::TokenPlace& place) {
    auto first = TRY(write_passphrase_token(fekek, place));
    AddedPassphrase added{std::string(fekek.signature.text()),
                          first.serial,
                          {},
                          {},
                          place,
                          std::move(first.warnings)};
    if (!fnek) {
        return added;
    }
    const auto second = write_passphrase_token(*fnek, place);
    if (!second) {
        if (!first.replaced_old) {
            static_cast<void>(keyring::unlink_token(place, first));
        }
        return std::unexpected(second.error());
    }
    added.fnek_signature = fnek->signature.text();
    added.fnek_serial = second->serial;
    return added;
}

}  // namespace

Result<void> run(const AddPassphrase& command) {
    const auto salt = TRY(typed_salt(command.salt));
    const auto passphrase = TRY(mount_passphrase(command));
    const auto fekek = TRY(lower::derive_passphrase_key(passphrase.view(), salt));
    const bool typed = command.wrapped.empty() &&
                       (command.passphrase_file.empty() ||
                        (command.passphrase_file == "-" && ::isatty(STDIN_FILENO) != 0));
    if (const auto confirmed = typed ? confirm(passphrase, fekek.signature) : Result<void>();
        !confirmed) {
        return confirmed;
    }
    std::optional<PassphraseKey> fnek;
    if (command.fnek) {
        auto derived = TRY(lower::derive_passphrase_key(passphrase.view(), lower::kNameSalt));
        fnek = std::move(derived);
    }
    const auto added = TRY(write_tokens(fekek, fnek, command.place));
    std::ranges::for_each(added.warnings, warn);
    const auto lines =
        added.signature + "\n" + (added.fnek_signature.empty() ? "" : added.fnek_signature + "\n");
    return print(command.json ? added_passphrase_json(added) : lines);
}

}  // namespace ecryptfs::cli
